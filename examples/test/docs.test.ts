import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { Avatar } from "@avatar/client";
import { file } from "@avatar/client/node";
import { createAvatarTrpcClient } from "@avatar/client/trpc";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, startApi } from "./support/api.ts";
import { type Browser, startBrowser } from "./support/page.ts";
import { firstSecondOf } from "./support/recordings.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

let api: Api;
let browser: Browser;
let page: Page;
let folder: string;
let made: { image: string; audio: string; job: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "avatar-docs-"));
  await copyFile(at("../media/portrait.png"), join(folder, "portrait.png"));
  await writeFile(join(folder, "speech.wav"), await firstSecondOf(at("../media/speech-3s.wav")));
  await symlink(at("../node_modules"), join(folder, "node_modules"));
  [api, browser] = await Promise.all([startApi([]), startBrowser()]);
  const avatar = new Avatar({ apiKey: api.apiKey, baseUrl: api.url });
  const image = await avatar.upload(files().image);
  const audio = await avatar.upload(files().audio);
  made = { image: image.id, audio: audio.id, job: (await avatar.generate({ image, audio })).jobId };
  page = await browser.open(`${api.url}/docs`);
});
afterAll(async () => {
  await browser.close();
  await api.stop();
  await rm(folder, { recursive: true });
});

const files = () => ({ image: file(join(folder, "portrait.png")), audio: file(join(folder, "speech.wav")) });

test("the keyboard is enough to choose a language, find an operation and try it", async () => {
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter"); // skips to the content
  await page.locator("#in-curl").focus();
  await page.keyboard.press("ArrowRight");
  expect(await page.locator("#in-typescript").isChecked()).toBe(true);
  expect(await page.locator("#start .sample:visible").count()).toBe(1);
  await page.locator("#api-key").fill(api.apiKey);
  await page.locator("#status .try summary").focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type(made.job);
  await page.keyboard.press("Enter");
  const answer = page.locator("#status .answer");
  await answer.waitFor();
  expect(JSON.parse((await answer.textContent()) ?? "")).toMatchObject({ id: made.job, status: "succeeded" });
});

test("files are sent as a form, and what is refused says why", async () => {
  const form = page.locator("#generate .try");
  await form.locator("summary").click();
  await form.locator('input[name="image"]').setInputFiles(join(folder, "portrait.png"));
  await form.locator('input[name="audio"]').setInputFiles(join(folder, "portrait.png"));
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByText("422 ").first().waitFor();
  expect(JSON.parse((await form.locator(".answer").textContent()) ?? "").code).toBe("media_type_mismatch");
  // The browser itself writes down that an answer was a refusal.
  expect(browser.complaints.splice(0)).toEqual([expect.stringContaining("422")]);
});

test("events show as they come", async () => {
  const form = page.locator("#events .try");
  await form.locator("summary").click();
  await form.locator('input[name="id"]').fill(made.job);
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByText('"status":"succeeded"').waitFor();
  expect(browser.complaints).toEqual([]);
});

const LANGUAGES = {
  curl: (code: string) => run("bash", ["-euo", "pipefail", "-c", code]),
  typescript: async (code: string) => {
    const path = join(folder, `sample-${sampleCount++}.mts`);
    await writeFile(path, code);
    return run(process.execPath, [path]);
  },
  python: (code: string) => run("python3", ["-c", code]),
};
let sampleCount = 0;

const run = async (command: string, args: string[]) => {
  const env = { PATH: process.env.PATH, AVATAR_API_KEY: api.apiKey };
  return (await promisify(execFile)(command, args, { cwd: folder, env })).stdout;
};

describe.each(Object.entries(LANGUAGES))("each example in %s", (language, execute) => {
  test("does what it says", async () => {
    const connection = { apiKey: api.apiKey, baseUrl: api.url };
    const trpc = createAvatarTrpcClient(connection);
    const samples = await page.locator(`.sample.${language}`).allTextContents();
    expect(samples.length).toBeGreaterThan(20);
    for (const code of samples) {
      const { id } = await trpc.keys.create.mutate({ owner: "acme", name: "of an example" });
      // Its files go with it.
      const isDelete = /DELETE|jobs\.delete/.test(code);
      const job = isDelete ? await new Avatar(connection).generate(files()).id : made.job;
      const output = await execute(
        code
          .replaceAll("JOB_ID", job)
          .replaceAll("KEY_ID", id)
          .replaceAll("https://example.com/portrait.png", made.image)
          .replaceAll("https://example.com/speech.mp3", made.audio),
      );
      expect(output, code).not.toMatch(/^\{"type":|Error/);
    }
  }, 120_000);
});
