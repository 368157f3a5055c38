import { DrizzleQueryError } from "drizzle-orm/errors";
import { expect, test } from "vitest";
import { describeError, errorText } from "./describe-error.ts";
import { createLogger } from "./logger.ts";

/** As postgres.js and PGlite make them. */
const refused = Object.assign(new Error('new row for relation "jobs" violates check constraint "a"'), {
  name: "PostgresError",
  code: "23514",
  detail: "Failing row contains (secret)",
  where: "secret",
  parameters: ["secret"],
  query: "secret",
});
const failed = new DrizzleQueryError('select "a"\nfrom jobs where id = $1', ["secret"], refused);

const cases: [string, unknown][] = [
  ["of a statement", failed],
  ["below another error", new Error("it was not stored", { cause: failed })],
  ["of data that do not fit", Object.assign(new Error('invalid input: "secret"'), { code: "22P02" })],
  ["with a signed URL", new Error("GET https://a.example/b?X-Amz-Signature=secret: 403")],
  ["with a password in a URL", new Error("cannot reach postgres://me:secret@db:5432/x?sslmode=off")],
  [
    "of a client",
    Object.assign(new Error("no answer"), { request: { headers: { authorization: "secret" } } }),
  ],
  ["that is none", "https://a.example/?secret"],
];

test.each(cases)("S7: an error %s is logged and printed without what was sent", (_what, error) => {
  const lines: string[] = [];
  createLogger("info", { write: (line: string) => void lines.push(line) }).error({ err: error }, "it failed");
  for (const text of [JSON.stringify(describeError(error)), errorText(error), lines.join("")])
    expect(text).not.toContain("secret");
});

test("an operator finds out what failed, where, and why", () => {
  const text = errorText(new Error("it was not stored", { cause: failed }));
  expect(text).toMatch(/^Error: it was not stored\n {4}at .*describe-error.test.ts/);
  expect(text).toContain('\ncaused by Error: Failed query: select "a"\nfrom jobs where id = $1\n    at ');
  expect(text).toContain(
    '\ncaused by PostgresError: new row for relation "jobs" violates check constraint "a" (23514)\n',
  );
  expect(describeError(Object.assign(new Error("GET https://a.example/b?c=d"), { code: "E" }))).toMatchObject(
    {
      message: "GET https://a.example/b?…",
      code: "E",
    },
  );
});

test("an error that is its own cause comes to an end", () => {
  const error = new Error("a");
  error.cause = error;
  expect(errorText(error).match(/caused by/g)).toHaveLength(5);
});
