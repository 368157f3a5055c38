import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Avatar } from "@avatar/client";
import { file } from "@avatar/client/node";
import { createProxy } from "@avatar/client/proxy";
import { serve } from "@hono/node-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readPages } from "./snippets/blocks.ts";
import { preparePage, runPage } from "./snippets/run-page.ts";
import { type Api, startApi } from "./support/api.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const pages = readPages();

let api: Api;
let folder: string;
let env: Record<string, string | undefined>;
let site: ReturnType<typeof serve>;
beforeAll(async () => {
  api = await startApi();
  folder = await mkdtemp(join(tmpdir(), "avatar-snippets-"));
  const settings = { apiKey: api.apiKey, baseUrl: api.url };
  const avatar = new Avatar(settings);
  const [image, audio] = await Promise.all([
    avatar.upload(file(at("../media/portrait.png"))),
    avatar.upload(file(at("../media/speech-3s.wav"))),
  ]);
  const job = await avatar.jobs.create({ image: image.id, audio: audio.id });
  const origin = await new Promise<string>((resolve) => {
    const proxy = createProxy({ ...settings, authorize: () => "ada" });
    site = serve({ fetch: proxy, port: 0, hostname: "127.0.0.1" }, ({ port }) =>
      resolve(`http://127.0.0.1:${port}`),
    );
  });
  env = {
    PATH: [at("snippets/bin"), dirname(process.execPath), process.env.PATH].join(":"),
    AVATAR_BASE_URL: api.url,
    AVATAR_API_KEY: api.apiKey,
    AVATAR_TEST_KEY: await makeTestKey(),
    PAGE_ORIGIN: origin,
    IMAGE_ID: image.id,
    AUDIO_ID: audio.id,
    JOB_ID: job.id,
  };
});
afterAll(async () => {
  site.close();
  await api.stop();
  await rm(folder, { recursive: true });
});

async function makeTestKey(): Promise<string> {
  const answer = await fetch(`${api.url}/v1/keys`, {
    method: "POST",
    headers: { authorization: `Bearer ${api.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ owner: "acme", name: "their tests", mode: "test" }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return ((await answer.json()) as { key: string }).key;
}

/** What readers put in their own for. */
const fillIn = (code: string) =>
  code
    .replace(/http:\/\/127\.0\.0\.1:8787|https:\/\/(avatar|api)\.example\.com/g, api.url)
    .replaceAll("avk_live_…", api.apiKey);

let ran = 0;
test.concurrent.each(pages)(
  "what %s shows can be run",
  async (page, blocks) => {
    const cwd = join(folder, page.replaceAll("/", "-"));
    await preparePage(cwd);
    await runPage(blocks, { cwd, env: { ...env, HOME: cwd, DATA_DIR: `${cwd}/data` } }, fillIn, () => ran++);
  },
  300_000,
);

test("each block is run, or says why not", () => {
  const blocks = pages.flatMap(([, blocks]) => blocks);
  const excused = blocks.filter(({ excuse }) => excuse).length;
  console.log(`Of ${blocks.length} blocks of ${pages.length} pages ${ran} were run, ${excused} are excused.`);
  expect(ran + excused).toBe(blocks.length);
});
