import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Api, startApi } from "./support/api.ts";
import { startBrowser } from "./support/page.ts";
import { startWorkerd } from "./support/workerd.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const BUNDLE = at("../../out/try-key.js");

let api: Api;
beforeAll(async () => {
  await build({ entryPoints: [at("live-key/try-key.ts")], bundle: true, format: "esm", outfile: BUNDLE });
  api = await startApi();
});
afterAll(() => api.stop());

test("a live key is sent by a worker of Cloudflare", async () => {
  const worker = await startWorkerd("test/live-key/config.capnp", { AVATAR_BASE_URL: api.url });
  try {
    expect(await (await fetch(worker.url)).text()).toBe("unauthorized");
  } finally {
    await worker.stop();
  }
}, 120_000); // workerd is downloaded the first time.

test("a live key is sent neither by a page nor by its workers", async () => {
  const script = await readFile(BUNDLE);
  const site = createServer(({ url }, response) => {
    const isScript = url === "/try-key.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : '<script type="module" src="/try-key.js"></script>');
  });
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve));
  const browser = await startBrowser();
  try {
    const page = await browser.open(`http://127.0.0.1:${(site.address() as AddressInfo).port}`);
    const codes = await page.evaluate(async (baseUrl) => {
      const inWorker = new Promise((resolve) => {
        const worker = new Worker("/try-key.js", { type: "module" });
        worker.onmessage = ({ data }) => resolve(data);
        worker.postMessage(baseUrl);
      });
      const { tryKey } = globalThis as unknown as { tryKey(baseUrl: string): Promise<string> };
      return Promise.all([tryKey(baseUrl), inWorker]);
    }, api.url);
    expect(codes).toEqual(["live_key_in_browser", "live_key_in_browser"]);
  } finally {
    await browser.close();
    site.close();
  }
});
