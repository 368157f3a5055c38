import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Avatar, type Job } from "@avatar/client";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Api, startApi } from "./support/api.ts";
import { type Browser, freePort, servePage, startBrowser } from "./support/page.ts";

const media = (name: string) => fileURLToPath(new URL(`../media/${name}`, import.meta.url));

let api: Api;
let browser: Browser;
const PAGES = ["react", "trpc", "test/leaving"] as const;
const urls = {} as Record<(typeof PAGES)[number], string>;
const stops: (() => Promise<void>)[] = [];
beforeAll(async () => {
  for (const name of PAGES) urls[name] = `http://127.0.0.1:${await freePort()}`;
  [api, browser] = await Promise.all([startApi(Object.values(urls)), startBrowser()]);
  // The pages' server reads them, as it would be started for real.
  Object.assign(process.env, { AVATAR_BASE_URL: api.url, AVATAR_API_KEY: api.apiKey });
  for (const name of PAGES) stops.push((await servePage(name, Number(new URL(urls[name]).port))).stop);
});
afterAll(async () => {
  await browser.close();
  for (const stop of [...stops, api.stop]) await stop();
});
beforeEach(() => browser.complaints.splice(0));

/** Of the key's owner, newest first. */
async function jobs(): Promise<Job[]> {
  return (await new Avatar({ apiKey: api.apiKey, baseUrl: api.url }).jobs.list()).items;
}

/** For the README and for people who want to see: `SCREENSHOTS=folder`. */
async function shoot(page: Page, name: string): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png`, fullPage: true });
  }
}

async function pick(page: Page, audio: Parameters<Page["setInputFiles"]>[1]): Promise<void> {
  await page.setInputFiles('input[name="image"]', media("portrait.png"));
  await page.setInputFiles('input[name="audio"]', audio);
}

/** A recording that takes longer to render than a test needs. */
async function longRecording() {
  const speech = await readFile(media("speech-7s.wav"));
  const samples = speech.subarray(44);
  const buffer = Buffer.concat([speech.subarray(0, 44), ...Array.from({ length: 8 }, () => samples)]);
  buffer.writeUInt32LE(buffer.length - 8, 4);
  buffer.writeUInt32LE(buffer.length - 44, 40);
  return { name: "long.wav", mimeType: "audio/wav", buffer };
}

const press = (page: Page, name: string) => page.getByRole("button", { name }).click();

describe.each(["react", "trpc"] as const)("the page in examples/%s", (name) => {
  test("makes a video that plays", async () => {
    const page = await browser.open(urls[name]);
    await pick(page, media("speech-3s.wav"));
    await shoot(page, `${name}-picked`);
    await press(page, "Generate");
    await page.getByText(/running|Rendering/).waitFor();
    await shoot(page, `${name}-running`);
    const video = page.locator("video");
    await video.waitFor();
    await expect
      .poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime))
      .toBeGreaterThan(0.3);
    const size = await video.evaluate(({ videoWidth, videoHeight }: HTMLVideoElement) => [
      videoWidth,
      videoHeight,
    ]);
    expect(size).toEqual([1280, 720]);
    await shoot(page, `${name}-video`);
    expect(browser.complaints).toEqual([]);
    await page.close();
  });

  test("says what is wrong with a file, and what to do", async () => {
    const page = await browser.open(urls[name]);
    await pick(page, {
      name: "speech.wav",
      mimeType: "audio/wav",
      buffer: Buffer.from("This is no speech."),
    });
    await press(page, "Generate");
    const alert = page.getByRole("alert");
    await alert.waitFor();
    expect(await alert.textContent()).toContain("Send WAV, MP3, M4A/AAC, OGG/Opus or FLAC.");
    await shoot(page, `${name}-error`);
    expect(browser.complaints).toEqual([]);
    await page.close();
  });

  test("cancels the job on the server", async () => {
    const page = await browser.open(urls[name]);
    await pick(page, await longRecording());
    await press(page, "Generate");
    await page.getByText(/running|Rendering/).waitFor();
    await press(page, "Cancel");
    await page
      .getByText(/canceled/i)
      .last()
      .waitFor();
    await expect.poll(async () => (await jobs())[0]?.status).toBe("canceled");
    await shoot(page, `${name}-canceled`);
    await page.close();
  });
});

test.each([
  ["left", async (page: Page) => void (await page.goto("about:blank"))],
  ["closed", (page: Page) => page.close({ runBeforeUnload: true })],
])("a page that is %s cancels its job, unless told otherwise", async (_how, leave) => {
  const page = await browser.open(urls["test/leaving"]);
  await pick(page, await longRecording());
  await press(page, "Generate");
  await page.getByText("running").waitFor();
  await leave(page);
  await expect.poll(async () => (await jobs())[0]?.status).toBe("canceled");
});

test("the React page finds its job again after a reload", async () => {
  const page = await browser.open(urls.react);
  await pick(page, media("speech-3s.wav"));
  await press(page, "Generate");
  await page.getByText("Rendering").waitFor();
  const before = await jobs();
  await page.reload();
  await page.locator("video").waitFor();
  expect((await jobs()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  expect(browser.complaints).toEqual([]);
  await page.close();
});
