import { ERROR_CODES, ERRORS, type ErrorRow } from "@avatar/contract/errors";

const INTRO = `# Errors

Every error is a problem (RFC 9457, \`application/problem+json\`) with a \`code\` that never changes. Branch on the code, show
\`detail\` to people, and quote \`requestId\` when you report one. Where "again" says yes, the same request may succeed
later; wait for the time in \`Retry-After\` if there is one. Through tRPC the same object is in \`error.data\`.

This page is made from \`packages/contract/src/errors.ts\` by \`pnpm --filter @avatar/api docs:errors\`.
`;

/** `docs/errors.md`: the error catalogue as a table. */
export function errorsPage(): string {
  const rows = ERROR_CODES.map((code) => {
    const { status, retryable, title, hint }: ErrorRow = ERRORS[code];
    return `| \`${code}\` | ${status} | ${retryable ? "yes" : "no"} | ${title} | ${hint} |`;
  });
  return `${INTRO}\n| code | HTTP | again | what | what to do |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
}
