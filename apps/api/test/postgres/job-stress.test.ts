import postgres from "postgres";
import { expect, test } from "vitest";
import { createApiKeyRepository } from "../../src/api-keys/api-key-repository.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { startReplicas } from "../support/replicas.ts";
import { keyIdOf } from "../support/request-windows.ts";
import type { RestAnswer } from "../support/rest.ts";
import { insertKey, OWNER } from "../support/rows.ts";
import { isProof, SEED, seededRandom } from "../support/seeded-random.ts";

const ROUNDS = isProof ? 200 : 5;
const REQUESTS = 40;
const KEYS = 4;

test("jobs are made, repeated, canceled and ended at once, while their keys are changed, noted and revoked: no 5xx", async () => {
  const random = seededRandom(SEED);
  const upTo = (max: number) => Math.floor(random() * (max + 1));
  const shuffled = <T>(values: readonly T[]) =>
    values
      .map((value) => ({ value, at: random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ value }) => value);

  const child = { gpuPricePerSecond: 0.0001, dispatcher: { maxRunsInFlight: 10 } };
  const { apis, database, db, restOf } = await startReplicas(child);
  const limits = { requestsPerMinute: 1e9, jobsInFlight: 1e6, jobsQueued: 1e6, usdPerDay: 1e6 };
  const keys = await Promise.all(
    Array.from({ length: KEYS }, async () => {
      const key = await insertKey({ db }, OWNER, { limits });
      return { id: await keyIdOf(db, key), rest: restOf(key) };
    }),
  );
  const admin = restOf(await insertKey({ db }, OWNER, { scopes: ["admin", "generate", "read"], limits }));
  const inputs = await uploadFixtures(admin);
  const repository = createApiKeyRepository(db);
  const ids = keys.map(({ id }) => id);

  const answers: RestAnswer[] = [];
  const made = new Map<string, Set<string>>();
  for (let round = 0; round < ROUNDS; round++) {
    const unfinished: string[] = [];
    const { body: passing } = await admin("POST", "/v1/keys", { owner: OWNER, name: "passing", limits });
    const rests = [...keys.map(({ rest }) => rest), restOf(passing.key)];
    const create = async (name: string) => {
      const rest = rests[upTo(rests.length - 1)] ?? admin;
      const answer = await rest("POST", "/v1/jobs", inputs, { "idempotency-key": name });
      if (answer.status === 202) {
        unfinished.push(answer.body.id);
        made.set(name, (made.get(name) ?? new Set()).add(answer.body.id));
      }
      return answer;
    };
    const cancel = (id: string) => admin("POST", `/v1/jobs/${id}/cancel`);
    // Few idempotency keys for many requests, so that transactions want the same ones in any order.
    const names = Array.from({ length: REQUESTS }, () => `${round}-${upTo(REQUESTS / 4)}`);
    const working = [
      ...names.map(create),
      admin("POST", `/v1/keys/${passing.id}/revoke`),
      ...ids.map((id) => admin("POST", `/v1/keys/${id}`, { name: `renamed ${round}` })),
    ];
    const touching = [1, 2, 3].map(() => repository.touch(shuffled(ids), new Date()));
    answers.push(...(await Promise.all(working)));
    await Promise.all(touching);
    const canceled = shuffled(unfinished).slice(0, REQUESTS / 3);
    answers.push(...(await Promise.all(canceled.map(cancel))));
  }

  const failed = answers.filter(({ status }) => status >= 500);
  expect(
    failed.map(({ body }) => body.code),
    `seed ${SEED}`,
  ).toEqual([]);
  expect([...made.values()].filter((jobIds) => jobIds.size !== 1)).toEqual([]);
  // What a process knows of deadlocks it tells at its end.
  await Promise.all(apis.map((api) => api.terminate()));
  expect(apis.map((api) => api.output()).join("")).not.toMatch(/deadlock/);
  expect(await deadlocksOf(database.config)).toBe(0);
}, 3_600_000);

async function deadlocksOf(config: object): Promise<number> {
  const sql = postgres((config as { url: string }).url, { max: 1 });
  try {
    const [row] = await sql`select deadlocks::int from pg_stat_database where datname = current_database()`;
    return row?.deadlocks;
  } finally {
    await sql.end();
  }
}
