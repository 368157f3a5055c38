import type { KeyLimits } from "@avatar/contract/key-types";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { jobs, usageDays } from "../../src/db/schema/schema.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { type Replicas, startReplicas } from "../support/replicas.ts";
import { keyIdOf } from "../support/request-windows.ts";
import type { Rest, RestAnswer } from "../support/rest.ts";
import { insertKey } from "../support/rows.ts";
import { isProof } from "../support/seeded-random.ts";

const LONG = 3_600_000;
const ROUNDS = isProof ? 20 : 1;
const PLACES = 7;
const REQUESTS = 40;
/** What a job of three seconds is reckoned with before any has been rendered, and its price. */
const GPU_SECONDS = 175 + 3 * 30;
const PRICE = 0.0011;
const USD = GPU_SECONDS * PRICE;

/** Jobs stay where they are: nothing is begun. */
const CHILD = { dispatcher: { maxRunsInFlight: 0 }, gpuPricePerSecond: PRICE };

const submit = async (rest: Rest, count: number): Promise<RestAnswer[]> => {
  const inputs = await uploadFixtures(rest);
  return Promise.all(Array.from({ length: count }, () => rest("POST", "/v1/jobs", inputs)));
};
const accepted = (answers: RestAnswer[]) => answers.filter(({ status }) => status === 202);
const refused = (answers: RestAnswer[]) => answers.filter(({ status }) => status !== 202);

function expectRefusals(answers: RestAnswer[], status: number, code: string, limit: object): void {
  for (const { body, ...answer } of refused(answers)) {
    expect([answer.status, body.code]).toEqual([status, code]);
    expect(body.limit).toEqual(limit);
    expect(Number(answer.headers.get("retry-after"))).toBe(Math.ceil(body.retryAfterMs / 1000));
    expect(body.retryAfterMs).toBeGreaterThan(0);
  }
}

const LIMITED: [keyof KeyLimits, number, number, string, object][] = [
  ["jobsInFlight", PLACES, 429, "too_many_jobs", { max: PLACES, left: 0 }],
  ["jobsQueued", PLACES, 429, "queue_full", { max: PLACES, left: 0 }],
  [
    "gpuSecondsPerDay",
    PLACES * GPU_SECONDS + 100,
    429,
    "gpu_quota_exceeded",
    { max: PLACES * GPU_SECONDS + 100, left: 100, resetsAt: expect.any(String) },
  ],
  [
    "usdPerDay",
    PLACES * USD,
    402,
    "budget_exhausted",
    { max: PLACES * USD, left: 0, resetsAt: expect.any(String) },
  ],
  [
    "usdPerMonth",
    PLACES * USD + 0.25,
    402,
    "budget_exhausted",
    { max: PLACES * USD + 0.25, left: 0.25, resetsAt: expect.any(String) },
  ],
];

test(
  `of ${REQUESTS} jobs at once over two processes, each limit of a key lets exactly ${PLACES} through`,
  async () => {
    const replicas = await startReplicas(CHILD);
    for (let round = 0; round < ROUNDS; round++)
      for (const [name, max, status, code, limit] of LIMITED) {
        const key = await insertKey(replicas, `owner_${name}`, { limits: { [name]: max } });
        const answers = await submit(replicas.restOf(key), REQUESTS);

        expect(accepted(answers), name).toHaveLength(PLACES);
        expectRefusals(answers, status, code, { of: "key", name, ...limit });
        await expectMade(replicas, key, accepted(answers));
      }
  },
  LONG,
);

test(
  "each limit of a child key holds beside its parent's, for all child keys together",
  async () => {
    const replicas = await startReplicas(CHILD);
    for (let round = 0; round < ROUNDS; round++) {
      const key = await insertKey(replicas, "owner_1", { limits: { jobsInFlight: PLACES } });
      const parent = replicas.restOf(key);
      const made = await Promise.all(
        [1, 2, 3].map(() => parent("POST", "/v1/child-keys", { limits: { jobsInFlight: 3 } })),
      );
      const children = made.map(({ body }) => replicas.restOf(body.key));
      const answers = await Promise.all([...children, parent].map((rest) => submit(rest, 15)));

      expect(accepted(answers.flat())).toHaveLength(PLACES);
      for (const own of answers.slice(0, 3)) expect(accepted(own).length).toBeLessThanOrEqual(3);
      for (const { body } of refused(answers.flat()))
        expect(body).toMatchObject({
          code: "too_many_jobs",
          limit: { name: "jobsInFlight", ...(body.limit.of === "childKey" && { max: 3 }) },
        });
      await expectMade(replicas, key, accepted(answers.flat()));
    }
  },
  LONG,
);

test.each(["usdPerDay", "usdPerMonth"] as const)(
  "a budget of the service, %s, holds for all keys together, and its amounts are not told",
  async (name) => {
    const variable = { usdPerDay: "BUDGET_USD_PER_DAY", usdPerMonth: "BUDGET_USD_PER_MONTH" }[name];
    const replicas = await startReplicas(CHILD, { [variable]: (PLACES * USD).toFixed(6) });
    const keys = await Promise.all([1, 2, 3].map((n) => insertKey(replicas, `owner_${n}`)));
    const testKey = await insertKey(replicas, "owner_1", { mode: "test" });

    const answers = (await Promise.all(keys.map((key) => submit(replicas.restOf(key), 15)))).flat();

    expect(accepted(answers)).toHaveLength(PLACES);
    expectRefusals(answers, 402, "budget_exhausted", {
      of: "service",
      name,
      resetsAt: expect.any(String),
    });
    const span = name === "usdPerDay" ? "day" : "month";
    for (const { body } of refused(answers))
      expect(body.detail).toBe(
        `The job could take the service over its budget for the ${span}, which begins anew on ${body.limit.resetsAt}.`,
      );
    expect(await replicas.db.$count(jobs)).toBe(PLACES);
    expect(accepted(await submit(replicas.restOf(testKey), 5)), "test keys cost nothing").toHaveLength(5);
  },
);

/** These jobs and no others are there and are counted. */
async function expectMade({ db }: Replicas, key: string, answers: RestAnswer[]): Promise<void> {
  const keyId = await keyIdOf(db, key);
  const rows = await db.select({ id: jobs.id }).from(jobs).where(eq(jobs.keyId, keyId));
  expect(rows.map(({ id }) => id).sort()).toEqual(answers.map(({ body }) => body.id).sort());
  const [day] = await db.select().from(usageDays).where(eq(usageDays.keyId, keyId));
  expect(day).toMatchObject({ jobs: answers.length, gpuSeconds: 0, costUsd: 0 });
}
