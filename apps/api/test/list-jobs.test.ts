import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { jobs } from "../src/db/schema/schema.ts";
import { throughBothDoors } from "./support/doors.ts";
import { insertJob, insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
});
beforeEach(() => api.db.delete(jobs));
afterAll(() => api.stop());

const list = async (input: object, headers = {}) =>
  (await throughBothDoors(api, "jobs.list", { input, headers })).body;
const idsOf = (page: { items: { id: string }[] }) => page.items.map(({ id }) => id);

/** @returns ids, oldest first. */
async function insertJobs(count: number, job: Parameters<typeof insertJob>[1] = {}): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++)
    ids.push((await insertJob(api, { createdAt: new Date(1_700_000_000_000 + n), ...job })).id);
  return ids;
}

test("an owner without jobs gets an empty last page", async () => {
  expect(await list({})).toEqual({ items: [] });
});

test("jobs come newest first", async () => {
  const ids = await insertJobs(3);
  expect(idsOf(await list({}))).toEqual(ids.reverse());
});

test.each([
  ["all created at different times", {}],
  ["all created in the same millisecond", { createdAt: new Date(1_700_000_000_000) }],
])("pages show every job once, %s", async (_when, job) => {
  const ids = await insertJobs(5, job);
  const seen: string[] = [];
  let cursor: string | undefined;
  let pages = 0;
  do {
    const page = await list({ limit: 2, ...(cursor && { cursor }) });
    seen.push(...idsOf(page));
    cursor = page.nextCursor;
    pages++;
  } while (cursor);
  expect(pages).toBe(3);
  expect(seen.toSorted()).toEqual(ids.toSorted());
});

test("a page that holds just all jobs is the last", async () => {
  await insertJobs(2);
  expect(await list({ limit: 2 })).not.toHaveProperty("nextCursor");
});

test("a job that comes in between pages does not move the next page", async () => {
  const [first, second] = await insertJobs(2);
  const page = await list({ limit: 1 });
  await insertJob(api);
  expect(idsOf(page)).toEqual([second]);
  expect(idsOf(await list({ limit: 1, cursor: page.nextCursor }))).toEqual([first]);
});

test("the page has twenty jobs unless asked otherwise", async () => {
  await insertJobs(LIMITS.list.defaultLimit + 1);
  expect((await list({})).items).toHaveLength(LIMITS.list.defaultLimit);
  expect((await list({ limit: LIMITS.list.maxLimit })).items).toHaveLength(LIMITS.list.defaultLimit + 1);
});

test("the filter shows jobs of one state, on all pages", async () => {
  const failed = await insertJobs(2, { status: "failed" });
  await insertJobs(2, { status: "running" });
  const page = await list({ status: "failed", limit: 1 });
  const rest = await list({ status: "failed", limit: 1, cursor: page.nextCursor });
  expect([...idsOf(page), ...idsOf(rest)].toSorted()).toEqual(failed.toSorted());
  expect(rest).not.toHaveProperty("nextCursor");
});

test("another owner's jobs are never shown, not even by a cursor that points at them", async () => {
  const mine = await insertJobs(1);
  const theirs = await insertJobs(3, { owner: "owner_other" });
  const headers = { authorization: `Bearer ${await insertKey(api, "owner_other")}` };
  const page = await list({ limit: 2 }, headers);
  expect(theirs).toEqual(expect.arrayContaining(idsOf(page)));
  expect(idsOf(await list({}))).toEqual(mine);
  for (const item of (await list({ cursor: page.nextCursor })).items) expect(theirs).not.toContain(item.id);
});

test.each([
  ["limit", 101],
  ["limit", 1.5],
  ["status", "done"],
  ["cursor", "nonsense"],
  ["cursor", ""],
  ["cursor", "x".repeat(201)],
  ["cursor", `999999999999999_job_${"0".repeat(32)}`],
])("%s cannot be %j", async (path, value) => {
  expect(await list({ [path]: value })).toMatchObject({ code: "invalid_input", issues: [{ path }] });
});
