import { expect, test } from "vitest";
import type { RecentJob, UnfinishedJob } from "./job-repository.ts";
import { createQueueOutlook, estimateQueue } from "./queue-outlook.ts";

const NOW = new Date("2026-01-01T00:10:00Z");
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1000);
/** 20 s to start, and 10 s for a second of speech. */
const RECENT: RecentJob[] = [{ audioSeconds: 3, startSeconds: 20, runSeconds: 30, billedSeconds: 0 }];

let count = 0;
function job(more: Partial<UnfinishedJob> = {}): UnfinishedJob {
  const id = `job_${++count}`;
  return {
    id,
    owner: "a",
    keyId: `key_${more.owner ?? "a"}`,
    status: "queued",
    audioSeconds: 4,
    progress: 0,
    createdAt: ago(1000 - count),
    runAfter: NOW,
    servedAt: null,
    keyServedAt: null,
    startedAt: null,
    runningAt: null,
    ...more,
  };
}
const outlooks = (jobs: UnfinishedJob[], recent = RECENT) => {
  const found = estimateQueue(jobs, recent, NOW);
  return jobs.map(({ id }) => found.get(id));
};

test("before any job has succeeded there are positions, and no guesses", () => {
  const jobs = [job({ status: "running" }), job(), job()];
  expect(outlooks(jobs, [])).toEqual([{}, { position: 1 }, { position: 2 }]);
});

test("a queued job waits for all before it, and then for itself", () => {
  const first = job({ status: "running", progress: 0.5, startedAt: ago(40), runningAt: ago(20) });
  expect(outlooks([first, job(), job()])).toEqual([
    { etaSeconds: 20 },
    { position: 1, etaSeconds: 20 + 60 },
    { position: 2, etaSeconds: 20 + 60 + 60 },
  ]);
});

test("two that render at once share the work", () => {
  const running = { status: "running" as const, progress: 0.5, startedAt: ago(40), runningAt: ago(20) };
  expect(outlooks([job(running), job(running), job()])[2]).toEqual({ position: 1, etaSeconds: 20 + 60 });
});

test("a start and a render that take longer than usual are taken to be nearly done", () => {
  const starting = job({ status: "starting", startedAt: ago(100) });
  const running = job({ status: "running", startedAt: ago(500), runningAt: ago(400), progress: 0.05 });
  expect(outlooks([starting, running])).toEqual([{ etaSeconds: 40 }, { etaSeconds: 0 }]);
});

test("owners take turns: one who has jobs running is behind one who has none", () => {
  const jobs = [job({ status: "running" }), job(), job(), job({ owner: "b" }), job({ owner: "b" })];
  expect(outlooks(jobs).map((each) => each?.position)).toEqual([undefined, 2, 4, 1, 3]);
});

test("the queue is looked at once for all who ask, and again for a job that is new", async () => {
  const jobs = [job()];
  let looks = 0;
  const repository = {
    listUnfinished: async () => {
      looks++;
      return [...jobs];
    },
    listRecent: async () => RECENT,
  };
  const { outlookOf, outlookOfNext } = createQueueOutlook(repository, () => NOW);
  const first = jobs[0]?.id ?? "";
  expect(await Promise.all([outlookOf("live", first), outlookOf("live", first)])).toMatchObject([
    { position: 1 },
    { position: 1 },
  ]);
  expect(looks).toBe(1);
  jobs.push(job());
  expect(await outlookOf("live", jobs[1]?.id ?? "")).toMatchObject({ position: 2 });
  expect(looks).toBe(2);
  expect(await outlookOfNext("live", { owner: "b", keyId: "key_b" }, 2)).toEqual({
    position: 2, // Owners take turns: it is before the second job of the other one.
    etaSeconds: 60 + 40,
    waitSeconds: 60,
    isIdle: true,
  });
  expect(looks, "for a job that is not there yet, too").toBe(2);
});

test("who asks for jobs that are gone at once shares two looks", async () => {
  let looks = 0;
  const repository = {
    listUnfinished: async () => {
      looks++;
      return [];
    },
    listRecent: async () => RECENT,
  };
  const { outlookOf } = createQueueOutlook(repository, () => NOW);
  await outlookOf("live", "job_before");
  const gone = Array.from({ length: 50 }, (_, index) => outlookOf("live", `job_gone_${index}`));
  expect(await Promise.all(gone)).toEqual(gone.map(() => ({})));
  expect(looks).toBe(2);
});

test("a look that failed is not shared any longer, and throws away none that came after it", async () => {
  const known = job();
  const first = Promise.withResolvers<UnfinishedJob[]>();
  const answers = [first.promise, Promise.resolve([known])];
  const repository = {
    listUnfinished: () => answers.shift() ?? Promise.reject(new Error("one look too many")),
    listRecent: async () => RECENT,
  };
  const { outlookOf, noteChange } = createQueueOutlook(repository, () => NOW);
  const failing = outlookOf("live", known.id);
  noteChange("live");
  expect(await outlookOf("live", known.id)).toMatchObject({ position: 1 });
  first.reject(new Error("no database"));
  await expect(failing).rejects.toThrow("no database");
  expect(await outlookOf("live", known.id)).toMatchObject({ position: 1 });
});

test("where very many wait, a change does not make for another look", async () => {
  const jobs = Array.from({ length: 501 }, () => job());
  let looks = 0;
  const repository = {
    listUnfinished: async () => {
      looks++;
      return jobs;
    },
    listRecent: async () => RECENT,
  };
  const { outlookOf, noteChange } = createQueueOutlook(repository, () => NOW);
  const ask = () => outlookOf("live", jobs[0]?.id ?? "");
  await ask();
  noteChange("live");
  await ask();
  expect(looks).toBe(1);
  jobs.pop();
  noteChange("test");
  await outlookOf("live", "job_new"); // Looks again, and sees that there are fewer.
  expect(looks).toBe(2);
  noteChange("live");
  await ask();
  expect(looks).toBe(3);
});

test("nothing is idle while a job is on its way, and nothing guessed before any has succeeded", async () => {
  const repository = {
    listUnfinished: async () => [job({ status: "starting" }), job()],
    listRecent: async () => [],
  };
  const { outlookOfNext } = createQueueOutlook(repository, () => NOW);
  expect(await outlookOfNext("live", { owner: "a", keyId: "key_a" }, 2)).toEqual({
    position: 2,
    isIdle: false,
  });
});
