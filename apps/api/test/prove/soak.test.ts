import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { aWav } from "../media/media-files.ts";
import { type ChildApi, startChildApi } from "../support/child-api.ts";
import { PORTRAIT } from "../support/fixtures.ts";
import { uploadFile } from "../support/rest.ts";
import { TEST_KEY } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const MINUTES = 15;
const SAMPLE_MS = 5000;
/** Of what the server holds in the second quarter of the time, which is after it has warmed up. */
const LARGEST_GROWTH = 1.1;

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

const memoryMb = ({ pid }: ChildApi) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
/** Connections to Postgres that the server keeps once it had use for them. */
const POOLED = 13;

/** What is open. */
function handlesOf({ pid }: ChildApi): { sockets: number; others: string[] } {
  const links = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // Closed meanwhile.
    }
  });
  const others = links.filter((link) => !link.startsWith("socket:"));
  return { sockets: links.length - others.length, others };
}

test(`${MINUTES} minutes of mixed load leave memory flat and no handle open`, {
  timeout: (MINUTES + 3) * 60_000,
}, async () => {
  execFileSync(process.execPath, [at("../../build.ts")]);
  const database = await createTestDatabase("postgres", "disk");
  onTestFinished(database.remove);
  const api = await startChildApi({ database, main: at("../../dist/main.js") });
  const { rest, url } = api;
  const counts: Record<string, number> = {};
  const speech = aWav({ seconds: 1 });
  await uploadFile(rest, "image/png", PORTRAIT);

  /** Everything that clients do, each as often as it takes. */
  const work: Record<string, () => Promise<unknown>> = {
    async video() {
      const image = await uploadFile(rest, "image/png", PORTRAIT);
      const audio = await uploadFile(rest, "audio/wav", speech);
      let { body: job } = await rest("POST", "/v1/jobs", { image, audio });
      while (["queued", "starting", "running"].includes(job.status))
        ({ body: job } = await rest("GET", `/v1/jobs/${job.id}?wait=30&after=${job.version}`));
      const { body: result } = await rest("GET", `/v1/jobs/${job.id}/result`);
      await (await fetch(result.url)).arrayBuffer();
      await rest("DELETE", `/v1/jobs/${job.id}`);
    },
    async form() {
      const form = new FormData();
      form.set("image", new Blob([PORTRAIT]), "a.png");
      form.set("audio", new Blob([speech]), "a.wav");
      const { body } = await rest("POST", "/v1/jobs", form);
      await rest("POST", `/v1/jobs/${body.id}/cancel`);
    },
    async events() {
      const { body } = await rest("GET", "/v1/jobs?limit=1");
      const controller = new AbortController();
      const headers = { authorization: `Bearer ${TEST_KEY}` };
      const stream = fetch(`${url}/v1/jobs/${body.items[0]?.id ?? "none"}/events`, {
        headers,
        signal: controller.signal,
      });
      const answer = await stream.catch(() => undefined);
      controller.abort();
      await answer?.text().catch(() => {});
    },
    async reads() {
      await rest("GET", "/v1/jobs?limit=50");
      await rest("GET", "/v1/usage");
      await rest("GET", "/v1/limits");
      await rest("GET", "/openapi.json");
    },
    async refusals() {
      await rest("POST", "/v1/jobs", { image: "none", audio: "none" });
      await rest("GET", "/v1/jobs/none");
      await rest("POST", "/v1/uploads", { contentType: "image/gif", bytes: 1 });
      await fetch(`${url}/v1/jobs`, { headers: { authorization: "Bearer avk_live_wrong" } });
    },
    async brokenOff() {
      const body = new ReadableStream({
        async pull(controller) {
          controller.enqueue(new Uint8Array(1000));
          await delay(20);
        },
      });
      const signal = AbortSignal.timeout(200);
      const headers = {
        authorization: `Bearer ${TEST_KEY}`,
        "content-type": "multipart/form-data; boundary=a",
      };
      const options = { method: "POST", headers, body, signal, duplex: "half" } as RequestInit;
      await fetch(`${url}/v1/jobs`, options).catch(() => {});
    },
  };
  // Threads that check files and render stay once they were needed.
  await work.video?.();
  const handlesBefore = handlesOf(api);
  const endsAt = Date.now() + MINUTES * 60_000;
  const again = async (name: string, call: () => Promise<unknown>) => {
    while (Date.now() < endsAt) {
      await call();
      counts[name] = (counts[name] ?? 0) + 1;
      await delay(10);
    }
  };
  const samples: { memory: number; handles: ReturnType<typeof handlesOf> }[] = [];
  const measure = async () => {
    while (Date.now() < endsAt) {
      samples.push({ memory: memoryMb(api), handles: handlesOf(api) });
      await delay(SAMPLE_MS);
    }
  };
  await Promise.all([measure(), ...Object.entries(work).map(([name, call]) => again(name, call))]);

  const quarter = (i: number) => {
    const length = Math.floor(samples.length / 4);
    return median(samples.slice(i * length, (i + 1) * length).map(({ memory }) => memory));
  };
  const memory = [0, 1, 2, 3].map((i) => Math.round(quarter(i)));
  const most = {
    sockets: Math.max(...samples.map(({ handles }) => handles.sockets)),
    others: Math.max(...samples.map(({ handles }) => handles.others.length)),
  };
  const before = { sockets: handlesBefore.sockets, others: handlesBefore.others.length };
  console.log(JSON.stringify({ counts, memory, before, most }));
  expect(memory[3]).toBeLessThan((memory[1] ?? 0) * LARGEST_GROWTH);
  // Connections of clients are kept alive for a while.
  await until(
    "handles are given back",
    () => {
      const { sockets, others } = handlesOf(api);
      return sockets <= handlesBefore.sockets + POOLED && others.length <= handlesBefore.others.length;
    },
    120_000,
  );
});
