import { sql } from "drizzle-orm";
import { beforeEach, expect, test } from "vitest";
import { requestWindows } from "../../src/db/schema/schema.ts";
import { type Replicas, startReplicas } from "../support/replicas.ts";
import {
  ageWindow,
  ask,
  expectExactly,
  expectRefused,
  isAccepted,
  keyIdOf,
  usedBy,
} from "../support/request-windows.ts";
import type { RestAnswer } from "../support/rest.ts";
import { insertKey, OWNER } from "../support/rows.ts";
import { isProof, SEED, seededRandom } from "../support/seeded-random.ts";

const LONG = 3_600_000;
const LIMIT = 100;
const ROUNDS = isProof ? 100 : 2;

let replicas: Replicas;
beforeEach(async () => {
  replicas = await startReplicas({ engine: "hold" });
});

async function aKey(requestsPerMinute = LIMIT) {
  const key = await insertKey(replicas, OWNER, { limits: { requestsPerMinute } });
  return { key, id: await keyIdOf(replicas.db, key), rest: replicas.restOf(key) };
}

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

test(
  `F9: of 1,000 requests at once over two processes exactly ${LIMIT} are let through, and as many in the next window, ` +
    `${ROUNDS} times`,
  async () => {
    const ways = [ask.rest, ask.trpc];
    for (let round = 0; round < ROUNDS; round++) {
      const { rest, id } = await aKey();
      const both = (index: number) => (ways[(index + round) % 2] ?? ask.rest)(rest);
      expectExactly(LIMIT, await Promise.all(times(1000, both)));
      await ageWindow(replicas.db, id);
      expectExactly(LIMIT, await Promise.all(times(1000, both)));
    }
  },
  LONG,
);

test(
  "F9: at the true end of a window exactly the limit is let through",
  async () => {
    const rounds = isProof ? 100 : 2;
    const random = seededRandom(SEED);
    for (let round = 0; round < rounds; round++) {
      const { rest, id } = await aKey();
      const used = { keyId: id, used: LIMIT, granted: 1 };
      // It ends while the requests come in, and they come on until they have seen it.
      const startedAt = sql`clock_timestamp() - make_interval(secs => ${59.99 - random() / 10})`;
      await replicas.db.insert(requestWindows).values({ ...used, startedAt });
      const answers: RestAnswer[] = [];
      while (!answers.some(isAccepted))
        answers.push(...(await Promise.all(times(LIMIT, () => ask.rest(rest)))));
      answers.push(...(await Promise.all(times(LIMIT, () => ask.rest(rest)))));
      expectExactly(LIMIT, answers);
    }
  },
  LONG,
);

test(
  "F9: calls of batches count one by one, whatever other keys send",
  async () => {
    const rounds = isProof ? 30 : 1;
    const random = seededRandom(SEED);
    for (let round = 0; round < rounds; round++) {
      const keys = await Promise.all(times(4, () => aKey(20 + Math.floor(random() * 80))));
      const sent = await Promise.all(
        times(250, async (index) => {
          const of = keys[index % 4] ?? keys[0];
          const calls = 1 + Math.floor(random() * 6);
          const answer = of && (await ask.batch(of.rest, calls));
          return { of, calls, answer };
        }),
      );
      for (const key of keys) {
        const own = sent.filter(({ of }) => of === key);
        const accepted = own.filter(({ answer }) => answer?.status === 200);
        const refused = own.filter(({ answer }) => answer?.status === 429);
        expect(accepted.length + refused.length).toBe(own.length);
        const used = accepted.reduce((sum, { calls }) => sum + calls, 0);
        expect(await usedBy(replicas.db, key.id)).toBe(used);
        const limit = Number(own[0]?.answer?.headers.get("ratelimit-limit"));
        expect(used).toBeLessThanOrEqual(limit);
        // None was refused that would have fitted: what was left at last would have been enough for none of them.
        for (const { calls } of refused) expect(calls).toBeGreaterThan(limit - used);
      }
    }
  },
  LONG,
);

test("F9: child keys spend their own window and their parent's, and what is refused spends neither", async () => {
  const { rest, id } = await aKey(60);
  const children = await Promise.all(
    times(3, async () => {
      const { body } = await rest("POST", "/v1/child-keys", { limits: { requestsPerMinute: 25 } });
      return { id: body.id, rest: replicas.restOf(body.key) };
    }),
  );
  await ageWindow(replicas.db, id);

  const answers = await Promise.all(
    [...children, { rest }].map((each) => Promise.all(times(100, () => ask.rest(each.rest)))),
  );

  const accepted = answers.map((each) => each.filter(isAccepted).length);
  expect(accepted.reduce((sum, count) => sum + count)).toBe(60);
  expect(await usedBy(replicas.db, id)).toBe(60);
  for (const [index, child] of children.entries()) {
    expect(accepted[index]).toBeLessThanOrEqual(25);
    expect(await usedBy(replicas.db, child.id)).toBe(accepted[index]);
  }
  for (const [index, ofOne] of answers.entries()) {
    const isChild = index < children.length;
    for (const refused of ofOne.filter((answer) => !isAccepted(answer))) {
      const { of } = refused.body.limit;
      if (of === "key") expectRefused(refused, isChild ? undefined : 60);
      else expectRefused(refused, 25, of);
    }
  }
});
