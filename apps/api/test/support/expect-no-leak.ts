import { tmpdir } from "node:os";
import { Problem } from "@avatar/contract/error-schemas";
import { ERROR_CODES } from "@avatar/contract/errors";
import { getTableColumns, getTableName, is, Table } from "drizzle-orm";
import * as schema from "../../src/db/schema/schema.ts";

const tables = Object.values(schema).filter((each) => is(each, Table));
const toSnake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
/** Names of the schema that are no words of ours: those with an underscore. */
const NAMES = [
  ...tables.map((table) => getTableName(table)),
  ...tables.flatMap((table) => Object.keys(getTableColumns(table)).map(toSnake)),
].filter((name) => name.includes("_") && !ERROR_CODES.some((code) => code === name));
const INDEXES = tables.map((table) => `${getTableName(table)}_\\w+`);

interface Answer {
  status: number;
  headers: Headers;
  body: unknown;
}

/** What no answer to a customer may hold, whatever went wrong. */
const LEAKS: [string, RegExp][] = [
  ["a stack", /\bat [^"]*:\d+:\d+|\.[cm]?[jt]s:\d|node:internal|"stack"|"cause"/],
  [
    "SQL",
    /\bselect\b.+\bfrom\b|\binsert into\b|\bupdate\b.+\bset\b|\bdelete from\b|\brelation\b|\bconstraint\b|\$\d+(?![\d.])/i,
  ],
  ["a name of the database", new RegExp(`\\b(${[...NAMES, ...INDEXES].join("|")})\\b`)],
  ["a path", /(?<![\w.:/])\/(tmp|home|root|usr|var|srv|opt|etc|proc|dev|app|mnt)\/|node_modules|file:\/\//],
  ["a secret", /avk_(live|test)_\w{8}|\brpa_\w|signature=|x-amz-|\w+:\/\/\w+:\w+@/i],
  ["what the server is made of", /drizzle|pglite|postgres|fastify|\bFST_|ZodError|TRPCError|SQLSTATE/i],
  ["what the system said", /\b(ENOENT|EACCES|EPERM|ENOSPC|EISDIR|EEXIST)\b/],
];

/**
 * @param secrets what else must not be in it, for example the ids of another owner
 * @throws where an error answer tells more than a customer may know
 */
export function expectNoLeak({ status, headers, body }: Answer, secrets: readonly string[] = []): void {
  if (status < 400) throw new Error(`${status} is no error`);
  const text = JSON.stringify([[...headers], body]);
  const fail = (what: string, found: string) => {
    throw new Error(`an answer gives away ${what} (${found}): ${status} ${text}`);
  };
  for (const [what, pattern] of LEAKS) {
    const found = pattern.exec(text)?.[0];
    if (found) fail(what, found);
  }
  for (const place of [tmpdir(), process.cwd()]) if (text.includes(place)) fail("a path", place);
  for (const secret of secrets) if (text.includes(secret)) fail("a secret", secret);
  if (!headers.get("content-type")?.startsWith("application/problem+json")) return;
  const unknown = Object.keys(Object(body)).find((field) => !Object.hasOwn(Problem.shape, field));
  if (unknown) fail("a field that no problem has", unknown);
}
