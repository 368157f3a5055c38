import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { runs } from "../../src/db/schema/schema.ts";
import { startChildApi } from "../support/child-api.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { startOwnPostgres } from "../support/own-postgres.ts";
import { isProof } from "../support/seeded-random.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const CRASHES = isProof ? 20 : 2;
const AT_ONCE = 8;

test(`F4: ${CRASHES} crashes of Postgres under load lose no job, answer no 500, and /readyz tells of them`, async () => {
  const server = await startOwnPostgres();
  const shared = await createTestDatabase("postgres");
  onTestFinished(shared.remove);
  const database = { ...shared, config: { url: server.url } };
  const start = () => startChildApi({ database, child: { engine: "succeed" }, env: { LOG_LEVEL: "silent" } });
  const apis = [await start(), await start()] as const;
  const { image, audio } = await uploadFixtures(apis[0].rest);
  const statusOf = async (url: string) => (await fetch(url)).status;
  const allSay = (path: string, status: number) =>
    until(`${path} says ${status}`, async () => {
      const statuses = await Promise.all(apis.map(({ url }) => statusOf(new URL(path, url).href)));
      return statuses.every((each) => each === status);
    });

  let calls = 0;
  let isOver = false;
  const accepted: string[] = [];
  const refused: unknown[] = [];
  /** As clients do: the same request, until it is answered. */
  async function oneAfterAnother(): Promise<void> {
    while (!isOver) {
      const headers = { "idempotency-key": `call-${++calls}` };
      const api = apis[calls % 2 === 0 ? 0 : 1];
      await until("the job is accepted", async () => {
        const {
          status,
          body,
          headers: answered,
        } = await api.rest("POST", "/v1/jobs", { image, audio }, headers);
        if (status === 202) accepted.push(body.id);
        else refused.push([status, body.code, answered.has("retry-after")]);
        return status === 202;
      });
    }
  }
  async function crashAgainAndAgain(): Promise<void> {
    for (let crash = 0; crash < CRASHES; crash++) {
      const before = accepted.length;
      await until("jobs are accepted", () => accepted.length > before + AT_ONCE);
      await server.crash();
      await allSay("/readyz", 503);
      await allSay("/healthz", 200);
      await server.start();
      await allSay("/readyz", 200);
    }
    isOver = true;
  }
  await Promise.all([crashAgainAndAgain(), ...Array.from({ length: AT_ONCE }, oneAfterAnother)]);

  expect(refused.length).toBeGreaterThan(0);
  expect(new Set(refused.map(String))).toEqual(new Set(["503,unavailable,true"]));
  const { db, close } = await openDatabase(database.config);
  onTestFinished(close);
  const succeeded = await until("all have succeeded", async () => {
    const rows = (await db.select().from(runs)).filter(({ outcome }) => outcome === "succeeded");
    return rows.length >= accepted.length && rows;
  });
  expect(succeeded.map(({ jobId }) => jobId).toSorted()).toEqual(accepted.toSorted());
}, 300_000);
