import { keyModeOf } from "@avatar/contract/api-keys";
import { expect, test } from "vitest";
import { runKeys } from "./run-keys.ts";

/** Nobody listens there: what opens the database fails. What it does with one: test/keys-cli.test.ts. */
const DATABASE_URL = "postgres://nobody:secret@127.0.0.1:1/none";

async function run(args: string[], env: Record<string, string> = {}) {
  const said: string[] = [];
  const errors: string[] = [];
  const code = await runKeys({
    args,
    env: { DATABASE_URL, ...env },
    say: (text) => said.push(text),
    sayError: (text) => errors.push(text),
  });
  return { code, text: said.join("\n"), errors: errors.join("\n") };
}

test("generate makes a live key, another one each time, and opens no database", async () => {
  const { code, text } = await run(["generate"]);
  expect([code, keyModeOf(text)]).toEqual([0, "live"]);
  expect((await run(["generate"])).text).not.toBe(text);
});

test.each([[["--help"]], [["create", "-h"]], [["rotate", "--help"]]])("%j shows the usage", async (args) => {
  expect(await run(args)).toEqual({ code: 0, text: expect.stringMatching(/^Usage:/), errors: "" });
});

test("a database that cannot be opened is exit code 1, and its password is not said", async () => {
  const { code, text, errors } = await run(["list"]);
  expect([code, text]).toEqual([1, ""]);
  expect(errors).toMatch(/^DATABASE_URL: cannot open the database: .*ECONNREFUSED/);
  expect(errors).not.toContain("secret");
});

test("a wrong configuration is exit code 2", async () => {
  expect(await run(["list"], { PORT: "many" })).toMatchObject({
    code: 2,
    errors: expect.stringContaining("PORT"),
  });
});

test.each([
  [[], /^Which command\?/],
  [["destroy"], /^Unknown command: destroy/],
  [["constructor"], /^Unknown command/],
  [["create", "--colour", "red"], /^Unknown option '--colour'/],
  [["create", "acme"], /^Unexpected argument 'acme'/],
  [["create", "--owner"], /^Option '--owner <value>' argument missing/],
  [["create", "--owner", ""], /^--owner: /],
  [["create", "--owner", "a\u001b[2J"], /^--owner: expected text without control/],
  [["create", "--mode", "prod"], /^--mode: /],
  [["create", "--scopes", "read,write"], /^--scopes: /],
  [["create", "--scopes", ""], /^--scopes: /],
  [["create", "--expires", "soon"], /^--expires: /],
  [["create", "--expires", "999999999d"], /^--expires: that is too far away/],
  [["create", "--jobs-queued", "0", "--usd-per-day", "-1"], /argument is ambiguous/],
  [["create", "--jobs-queued", "0", "--usd-per-day=-1"], /^--jobs-queued: .*\n--usd-per-day: /],
  [["create", "--usd-per-day", "1e3"], /^--usd-per-day: /],
  [["create", "--requests-per-minute", ""], /^--requests-per-minute: /],
  [["rotate"], /^The id of the key is missing/],
  [["rotate", "--overlap", "1h"], /^The id of the key is missing/],
  [["rotate", "key_1", "--overlap", "8d"], /^--overlap: /],
  [["rotate", "key_1", "--overlap", "later"], /^--overlap: /],
  [["rotate", "key_1", "key_2"], /^Unexpected argument 'key_2'/],
  [["revoke"], /^The id of the key is missing/],
  [["revoke", "x".repeat(65)], /^--id: /],
  [["list", "--owner", " "], /^--owner: /],
  [["audit", "--limit", "0"], /^--limit: /],
  [["generate", "--mode", "test"], /^Unknown option/],
])("the arguments %j are exit code 2, with the usage", async (args, message) => {
  const { code, text, errors } = await run(args);
  expect([code, text]).toEqual([2, ""]);
  expect(errors).toMatch(message);
  expect(errors).toContain("\n\nUsage:");
});
