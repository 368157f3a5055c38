import { readFile } from "node:fs/promises";
import { createTestDatabase, freePort, isProof, startChildApi, TEST_KEY } from "@avatar/api/testing";
import { expect, onTestFinished, test } from "vitest";
import { Avatar, type AvatarError } from "../src/index.ts";
import { startCaddy } from "./support/start-caddy.ts";

const media = (name: string) => readFile(new URL(`../../../examples/media/${name}`, import.meta.url));

const UPDATES = isProof ? 10 : 1;
const AT_ONCE = isProof ? 10 : 4;

test(`F10: ${UPDATES} rolling updates under load fail no call of the client`, async () => {
  const database = await createTestDatabase("postgres", "disk"); // Files pass through the proxy, too.
  onTestFinished(database.remove);
  const [proxy, ...ports] = [await freePort(), await freePort(), await freePort()];
  const start = (port: number) =>
    startChildApi({
      database,
      child: { engine: "succeed" },
      env: { PORT: String(port), PUBLIC_BASE_URL: `http://127.0.0.1:${proxy}`, TRUST_PROXY: "127.0.0.1" },
    });
  const replicas = await Promise.all(ports.map(start));
  await startCaddy(proxy, ports);

  const retries: Record<string, number> = {};
  const avatar = new Avatar({
    apiKey: TEST_KEY,
    baseUrl: `http://127.0.0.1:${proxy}`,
    onEvent(event) {
      if (event.type === "retry") retries[event.reason] = (retries[event.reason] ?? 0) + 1;
    },
  });
  const [image, audio] = [new Blob([await media("portrait.png")]), new Blob([await media("speech-3s.wav")])];
  const made: string[] = [];
  const errors: AvatarError[] = [];
  let isUpdating = true;

  async function oneAfterAnother(): Promise<void> {
    while (isUpdating) {
      const { video, error } = await avatar.generate({ image, audio }).settled();
      if (error) errors.push(error);
      if (!video) continue;
      expect((await video.blob()).size).toBe(video.bytes);
      made.push(video.jobId);
    }
  }
  async function update(): Promise<void> {
    for (let round = 0; round < UPDATES; round++) {
      for (const [index, port] of ports.entries()) {
        const before = made.length;
        expect(await replicas[index]?.terminate()).toEqual({ code: 0, signal: null });
        replicas[index] = await start(port);
        await expect.poll(() => made.length, { timeout: 20_000 }).toBeGreaterThan(before + AT_ONCE);
      }
    }
    isUpdating = false;
  }
  await Promise.all([update(), ...Array.from({ length: AT_ONCE }, oneAfterAnother)]);

  console.log(
    `${made.length} videos during ${2 * UPDATES} restarts; the client tried again: ${JSON.stringify(retries)}`,
  );
  expect(errors.map((error) => error.toJSON())).toEqual([]);
  const stored: string[] = [];
  for await (const { id } of avatar.jobs.list({ limit: 100 })) stored.push(id);
  expect(stored.toSorted()).toEqual(made.toSorted());
}, 600_000);
