import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { quantile } from "../bench/support/quantile.ts";
import { startChildApi } from "./support/child-api.ts";
import { putVideo } from "./support/disk-video.ts";
import type { Rest } from "./support/rest.ts";
import { isProof } from "./support/seeded-random.ts";
import { TEST_KEY } from "./support/test-api.ts";
import { createTestDatabase } from "./support/test-database.ts";

const ROUNDS = 5;
const REQUESTS = 2000;
const AT_ONCE = 8;
/** Until the first of all kinds have been cut off, and have come again. */
const SETTLE_MS = 65_000;

/** The slowest of a hundred, of requests that are all answered. */
async function p99Of(rest: Rest): Promise<number> {
  const times: number[] = [];
  const ask = async () => {
    while (times.length < REQUESTS) {
      const startedAt = performance.now();
      const isRead = times.length % 2 === 0;
      const { status } = isRead
        ? await rest("GET", "/v1/jobs")
        : await rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 10 });
      times.push(performance.now() - startedAt);
      expect(status).toBe(isRead ? 200 : 201);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return quantile(times, 0.99);
}

// What is measured here is not worth a minute in each run of the suite; slow-clients.test.ts asserts that all are cut off.
test.runIf(isProof)(
  "S5: beside 2,000 slow clients good requests take at most twice as long",
  {
    timeout: 1_200_000,
  },
  async () => {
    const database = await createTestDatabase(undefined, "disk");
    onTestFinished(() => database.remove());
    const api = await startChildApi({ database, child: { engine: "hold" } });
    const link = new URL(await putVideo(database.dataDir, api.url));
    await p99Of(api.rest);
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const quiet = await p99Of(api.rest);
      const program = fileURLToPath(new URL("./support/slow-attackers.ts", import.meta.url));
      const args = [program, new URL(api.url).port, TEST_KEY, link.pathname + link.search];
      const attackers = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      attackers.stdout.on("data", (chunk) => {
        said = String(chunk).trim();
      });
      await delay(round === 0 ? SETTLE_MS : 5000);
      const attacked = await p99Of(api.rest);
      attackers.kill("SIGKILL");
      await once(attackers, "close");
      console.log(
        `round ${round + 1}: p99 ${quiet.toFixed(1)} ms, beside slow clients ${attacked.toFixed(1)} ms, ${said}`,
      );
      ratios.push(attacked / quiet);
    }
    const median = quantile(ratios, 0.5);
    console.log(`S5: the median of ${ROUNDS} rounds is ${median.toFixed(2)} times as long (aim <= 2)`);
    expect(median).toBeLessThanOrEqual(2);
  },
);
