/** What may be written of an error. */
export interface ErrorFacts {
  name: string;
  message: string;
  code?: string;
  stack?: string;
  cause?: ErrorFacts;
}

const MAX_CAUSES = 5;
const MAX_CHARACTERS = 2000;

/**
 * Only what is known to tell no secrets. Errors of databases and of HTTP clients carry all that was sent: the values of a
 * statement, the row that was refused, the headers of a request.
 */
export function describeError(error: unknown, depth = 0): ErrorFacts {
  if (!(error instanceof Error)) return { name: typeof error, message: messageOf(String(error)) };
  const { name, stack = "", cause } = error;
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const frames = stack.split("\n").filter((line) => /^ {4}at /.test(line));
  return {
    name,
    // Of data that does not fit its column, Postgres quotes it: https://www.postgresql.org/docs/current/errcodes-appendix.html
    message: /^22[0-9A-Z]{3}$/.test(code ?? "")
      ? "the database does not take these data"
      : messageOf(error.message),
    ...(code !== undefined && { code }),
    ...(frames.length > 0 && { stack: frames.join("\n") }),
    ...(cause !== undefined && depth < MAX_CAUSES && { cause: describeError(cause, depth + 1) }),
  };
}

/** Without the values of a statement, which Drizzle appends to it, and what a URL has beside its path. */
const messageOf = (message: string) =>
  message
    .replace(/^(Failed query: .*?)\nparams: .*$/s, "$1")
    .replace(/(\w+:\/\/)[^\s/"'@]*@/g, "$1")
    .replace(/(\w+:\/\/[^\s"'?]*)\?[^\s"']*/g, "$1?…")
    .slice(0, MAX_CHARACTERS);

/** As it is printed. */
export function errorText(error: unknown): string {
  return textOf(describeError(error));
}

function textOf({ name, message, code, stack, cause }: ErrorFacts): string {
  const lines = [`${name}: ${message}${code === undefined ? "" : ` (${code})`}`];
  if (stack !== undefined) lines.push(stack);
  if (cause) lines.push(`caused by ${textOf(cause)}`);
  return lines.join("\n");
}
