import { eq, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jobs, uploads } from "../../src/db/schema/schema.ts";
import { aJobInput } from "../support/refusals.ts";
import { insertJob } from "../support/rows.ts";
import { startTestApi, type TestApi } from "../support/test-api.ts";
import { until } from "../support/until.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

const untilBlocked = () =>
  until("a statement waits for a lock", async () => {
    const waiting = sql`pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    return (await api.db.select({ n: sql<number>`count(*)::int` }).from(waiting))[0]?.n === 1;
  });

test("a job is not made of an upload that is being deleted", async () => {
  const input = await aJobInput(api);
  const { request } = await api.db.transaction(async (tx) => {
    await tx.update(uploads).set({ deletedAt: new Date() }).where(eq(uploads.id, input.image));
    const request = api.rest("POST", "/v1/jobs", input);
    await untilBlocked();
    return { request };
  });
  const { status, body } = await request;
  expect([status, body.code]).toEqual([410, "upload_expired"]);
  expect(await api.db.$count(jobs, eq(jobs.imageUploadId, input.image))).toBe(0);
});

test("an upload is not deleted while a job is being made of it", async () => {
  const input = await aJobInput(api);
  const { body: other } = await api.rest("POST", "/v1/jobs", input);
  const { request } = await api.db.transaction(async (tx) => {
    await tx.select().from(uploads).where(eq(uploads.id, input.image)).for("share");
    await insertJob({ db: tx }, { imageUploadId: input.image, audioUploadId: "upload_9" });
    const request = api.rest("DELETE", `/v1/jobs/${other.id}`);
    await untilBlocked();
    return { request };
  });
  expect((await request).status).toBe(200);
  const isStored = async (id: string) => (await api.database.objects(`uploads/${id}`)).length === 1;
  expect([await isStored(input.image), await isStored(input.audio)]).toEqual([true, false]);
});
