import { LIMITS, MEDIA_TYPE_NAMES, type MediaKind, mediaKind } from "@avatar/contract/limits";
import type { Job, Limits } from "@avatar/contract/types";
import { isText, readQuery } from "./check-input.ts";
import type { FakeClock } from "./clock.ts";
import { answer, keyOf, type Route, toIso, type WireRequest } from "./wire.ts";

const OWNER = "owner_fake";
const KEY_ID = "key_1";

const typesOf = (kind: MediaKind) => MEDIA_TYPE_NAMES.filter((type) => mediaKind(type) === kind);

const LIMITS_ANSWER: Limits = {
  engine: "fake",
  image: { contentTypes: typesOf("image"), ...LIMITS.image },
  audio: { contentTypes: typesOf("audio"), ...LIMITS.audio },
  video: { minTtlSeconds: LIMITS.videoTtlSeconds.min, maxTtlSeconds: LIMITS.videoTtlSeconds.default },
  upload: { ttlSeconds: LIMITS.uploadTtlSeconds, partBytes: LIMITS.uploadPartBytes },
  prompt: LIMITS.prompt,
  metadata: LIMITS.metadata,
  wait: LIMITS.wait,
  idempotency: { maxKeyLength: LIMITS.idempotencyKey.maxLength, seconds: LIMITS.idempotencySeconds },
};

/** What a key can see of itself. */
export function createAccountRoutes(allJobs: () => Job[], clock: FakeClock) {
  const createdAt = toIso(clock.now());

  return {
    limits: () => answer(LIMITS_ANSWER),

    key({ headers }: WireRequest) {
      const key = keyOf(headers);
      const mode = key.startsWith("avk_live_") ? "live" : "test";
      return answer({
        id: KEY_ID,
        owner: OWNER,
        name: "fake",
        mode,
        scopes: ["generate", "read"],
        hint: `avk_${mode}_…${key.slice(-4)}`,
        limits: {},
        createdAt,
      });
    },

    usage({ query }: WireRequest) {
      const day = [isText(10, 10), "expected a day such as 2026-11-25"] as const;
      const asked = readQuery<{ from?: string; to?: string }>(query, { from: [...day], to: [...day] });
      const { to = toIso(clock.now()).slice(0, 10) } = asked;
      const { from = `${to.slice(0, 7)}-01` } = asked;
      const dayOf = ({ createdAt }: Job) => createdAt.slice(0, 10);
      const jobs = allJobs().filter((job) => dayOf(job) >= from && dayOf(job) <= to);
      const days = [...new Set(jobs.map(dayOf))].map((each) => ({
        day: each,
        owner: OWNER,
        keyId: KEY_ID,
        ...count(jobs.filter((job) => dayOf(job) === each)),
      }));
      return answer({ from, to, totals: count(jobs), days, limits: [] });
    },
  } satisfies Record<string, Route>;
}

function count(jobs: readonly Job[]) {
  const done = jobs.filter(({ status }) => status === "succeeded" || status === "expired");
  const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
  return {
    jobs: jobs.length,
    succeeded: done.length,
    failed: jobs.filter(({ status }) => status === "failed").length,
    canceled: jobs.filter(({ status }) => status === "canceled").length,
    videoSeconds: sum(done.map(({ audioSeconds }) => audioSeconds)),
    gpuSeconds: sum(jobs.map(({ cost }) => cost.gpuSeconds)),
    costUsd: sum(jobs.map(({ cost }) => cost.usd)),
  };
}
