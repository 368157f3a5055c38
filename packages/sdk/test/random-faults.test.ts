import { readFile } from "node:fs/promises";
import { isProof, SEED, seededRandom, startTestApi } from "@avatar/api/testing";
import { expect, onTestFinished, test } from "vitest";
import { Avatar, type AvatarError, type Job } from "../src/index.ts";
import { FAULTS, type FaultName, startFaultyProxy } from "./support/faulty-proxy.ts";

const media = (name: string) => readFile(new URL(`../../../examples/media/${name}`, import.meta.url));

/** One request in three meets one. */
const SHARE = 1 / 3;
/** The client waits half a minute for a reply that does not come, so these are few, and for the proof alone. */
const NO_REPLY_SHARE = 0.01;
const LEAST_FAULTS = isProof ? 1000 : 60;
const AT_ONCE = isProof ? 20 : 4;

test(`${LEAST_FAULTS} random faults between client and API make no job twice and lose none`, async () => {
  const random = seededRandom(SEED);
  const often = (Object.keys(FAULTS) as FaultName[]).filter((name) => name !== "no reply");
  let faults = 0;
  let isCalm = false;
  const proxy = await startFaultyProxy(() => {
    if (isCalm || random() > SHARE) return undefined;
    faults++;
    if (isProof && random() < NO_REPLY_SHARE) return "no reply";
    return often[Math.floor(random() * often.length)];
  });
  onTestFinished(proxy.close);
  const api = await startTestApi({ config: { publicBaseUrl: proxy.url, maxRunsInFlight: AT_ONCE } });
  onTestFinished(() => api.stop());
  proxy.target = api.url;

  const avatar = new Avatar({ apiKey: api.apiKey, baseUrl: proxy.url });
  const [image, audio] = [new Blob([await media("portrait.png")]), new Blob([await media("speech-3s.wav")])];
  const ends: { call: string; jobId?: string | undefined; error?: AvatarError | undefined }[] = [];
  let calls = 0;

  async function oneAfterAnother(): Promise<void> {
    while (faults < LEAST_FAULTS) {
      const call = String(++calls);
      const { video, error } = await avatar.generate({ image, audio, metadata: { call } }).settled();
      if (video && (await video.blob()).size !== video.bytes) throw new Error(`call ${call}: half a video`);
      ends.push({ call, jobId: video?.jobId, error });
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, oneAfterAnother));

  isCalm = true;
  const jobs: Job[] = [];
  for await (const job of avatar.jobs.list({ limit: 100 })) jobs.push(job);
  const made = Object.groupBy(jobs, (job) => job.metadata.call ?? "");
  const twice = ends.filter(({ call }) => (made[call]?.length ?? 0) > 1);
  const lost = ends.filter(({ call, jobId }) => jobId && made[call]?.[0]?.id !== jobId);
  const failed = ends.filter(({ error }) => error);
  console.log(
    `${calls} calls, ${faults} faults ${JSON.stringify(proxy.counts)}: ${twice.length} jobs twice, ` +
      `${lost.length} lost, ${failed.length} failed (seed ${SEED})`,
  );
  expect(twice).toEqual([]);
  expect(lost).toEqual([]);
  expect(failed.map(({ error }) => error?.toJSON()).slice(0, 3)).toEqual([]);
}, 1_200_000);
