import { eq, sql } from "drizzle-orm";
import { expect } from "vitest";
import type { Db } from "../../src/db/client.ts";
import { apiKeys, requestWindows } from "../../src/db/schema/schema.ts";
import type { Rest, RestAnswer } from "./rest.ts";

/** A request that asks for little, through either door. A batch holds so many calls. */
export const ask = {
  rest: (rest: Rest) => rest("GET", "/v1/limits"),
  trpc: (rest: Rest) => rest("GET", "/trpc/limits.get?input={}"),
  batch: (rest: Rest, calls: number) => {
    const names = Array(calls).fill("limits.get").join(",");
    const inputs = Object.fromEntries(Array.from({ length: calls }, (_, index) => [index, {}]));
    return rest("GET", `/trpc/${names}?batch=1&input=${JSON.stringify(inputs)}`);
  },
};

export async function keyIdOf(db: Db, key: string): Promise<string> {
  const [row] = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(eq(apiKeys.lastFour, key.slice(-4)));
  if (!row) throw new Error("there is no such key");
  return row.id;
}

/** How many calls its window has had. */
export async function usedBy(db: Db, keyId: string): Promise<number | undefined> {
  const [row] = await db
    .select({ used: requestWindows.used })
    .from(requestWindows)
    .where(eq(requestWindows.keyId, keyId));
  return row?.used;
}

/** As if its window had begun so much earlier: the database's clock cannot be moved. */
export async function ageWindow(db: Db, keyId: string, seconds = 60): Promise<void> {
  await db
    .update(requestWindows)
    .set({ startedAt: sql`${requestWindows.startedAt} - make_interval(secs => ${seconds})` })
    .where(eq(requestWindows.keyId, keyId));
}

export const isAccepted = ({ status }: RestAnswer) => status === 200;
const remainingOf = ({ headers }: RestAnswer) => Number(headers.get("ratelimit-remaining"));

/** Exactly `limit` of the answers were let through, one for each number left, and the others were told why not. */
export function expectExactly(limit: number, answers: RestAnswer[]): void {
  const accepted = answers.filter(isAccepted);
  const left = accepted.map(remainingOf).sort((a, b) => a - b);
  expect(left).toEqual(Array.from({ length: limit }, (_, index) => index));
  for (const { headers } of answers) {
    expect(headers.get("ratelimit-limit")).toBe(String(limit));
    expect(headers.get("ratelimit-policy")).toBe(`${limit};w=60`);
    expectWithinWindow(headers.get("ratelimit-reset"));
  }
  for (const refused of answers.filter((answer) => !isAccepted(answer))) expectRefused(refused, limit);
}

/** Of a request of one call, through either door. @param max undefined where the caller may not know it */
export function expectRefused({ status, headers, body }: RestAnswer, max?: number, of = "key"): void {
  const problem = body.error?.data ?? body;
  expect([status, problem.code]).toEqual([429, "rate_limited"]);
  expect(problem.limit).toEqual({
    of,
    name: "requestsPerMinute",
    ...(max !== undefined && { max, left: 0 }),
    resetsAt: expect.any(String),
  });
  if (max !== undefined) expect(headers.get("ratelimit-remaining")).toBe("0");
  expectWithinWindow(headers.get("retry-after"));
  expect(headers.get("retry-after")).toBe(String(Math.ceil(problem.retryAfterMs / 1000)));
}

function expectWithinWindow(seconds: string | null): void {
  expect(seconds).toMatch(/^\d+$/);
  expect(Number(seconds)).toBeLessThanOrEqual(60);
}
