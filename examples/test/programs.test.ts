import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, startApi } from "./support/api.ts";
import { probe } from "./support/video.ts";

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const INPUT = [at("media/portrait.png"), at("media/speech-3s.wav")];

let api: Api;
let cwd: string;
beforeAll(async () => {
  api = await startApi();
  cwd = await mkdtemp(join(tmpdir(), "avatar-programs-"));
  await writeFile(join(cwd, "text.wav"), "This is no speech.");
});
afterAll(async () => {
  await api.stop();
  await rm(cwd, { recursive: true });
});

describe.each([
  ["generate.ts", process.execPath],
  ["curl/generate.sh", "bash"],
  ["python/generate.py", "python3"],
])("%s", (program, interpreter) => {
  /** As from a shell that knows the API and nothing else. */
  function run(args: string[], apiKey = api.apiKey) {
    const env = { PATH: process.env.PATH, AVATAR_BASE_URL: api.url, AVATAR_API_KEY: apiKey };
    return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(interpreter, [at(program), ...args], { cwd, env }, (error, stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stdout, stderr }),
      );
    });
  }

  test("makes a video, and tells what it does", async () => {
    const video = `${interpreter.split("/").at(-1)}.mp4`;
    const { code, stdout, stderr } = await run([...INPUT, video]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/queued/);
    expect(stdout).toMatch(new RegExp(`^Saved ${video}.*\n$`, "m"));
    expect(await probe(join(cwd, video))).toBe("h264,960,960 aac");
  });

  test.each([
    ["a file that is no recording", ["text.wav"], undefined, "Send WAV, MP3, M4A/AAC, OGG/Opus or FLAC."],
    ["a wrong key", [], `avk_live_${"0".repeat(40)}`, "Authorization: Bearer"],
  ])("ends with what to do about %s, and leaves no video", async (_what, recording, apiKey, hint) => {
    const { code, stderr } = await run(
      [INPUT[0], ...recording, ...INPUT.slice(1 + recording.length), "no.mp4"] as string[],
      apiKey,
    );
    expect(code).toBe(1);
    expect(stderr).toContain(hint);
    expect(await readdir(cwd)).not.toContain("no.mp4");
  });

  test("without arguments tells how it is used", async () => {
    const { code, stderr } = await run([]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/^Usage: .* <portrait> <recording> <video.mp4>/);
  });
});
