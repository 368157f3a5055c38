import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import { toProblem } from "../../src/problem.ts";
import { expectNoLeak } from "./expect-no-leak.ts";

const answer = (change: object, headers = {}) => ({
  status: 500,
  headers: new Headers({ "content-type": "application/problem+json; charset=utf-8", ...headers }),
  body: { ...toProblem(new Error("anything"), "req_1"), ...change },
});

test("a problem as it should be gives nothing away", () => {
  expect(() => expectNoLeak(answer({}), ["a secret"])).not.toThrow();
});

test.each([
  ["a stack", new Error("no").stack],
  ["a stack", "    at run (/srv/avatar/main.js:10:5)"],
  ["SQL", 'Failed query: select "id" from "jobs"'],
  ["SQL", 'relation "jobs" does not exist'],
  ["a name of the database", "null value in column image_upload_id"],
  ["a name of the database", "duplicate key: jobs_idempotency"],
  ["a path", `cannot open ${tmpdir()}/x`],
  ["a path", "cannot open /srv/avatar/data"],
  ["a secret", "postgres://avatar:hunter2@db.internal/avatar"],
  ["a secret", `avk_live_${"a".repeat(40)}`],
  ["a secret", "https://bucket/x?X-Amz-Signature=00"],
  ["what the server is made of", "DrizzleQueryError"],
  ["what the system said", "the disk failed: ENOSPC"],
])("%s is found: %s", (what, detail) => {
  expect(() => expectNoLeak(answer({ detail }))).toThrow(`gives away ${what}`);
  expect(() => expectNoLeak(answer({ issues: [{ path: "", message: detail }] }))).toThrow(what);
});

test("a field that no problem has is found", () => {
  expect(() => expectNoLeak(answer({ sql: "-" }))).toThrow("sql");
});

test("what a header gives away is found", () => {
  expect(() => expectNoLeak(answer({}, { "x-file": "/srv/avatar/data" }))).toThrow("gives away a path");
});

test("what the test itself calls a secret is found", () => {
  expect(() => expectNoLeak(answer({ detail: "There is job_17." }), ["job_17"])).toThrow("job_17");
});
