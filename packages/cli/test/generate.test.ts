import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { NODES } from "./support/nodes.ts";
import { type PreviewApi, startPreviewApi } from "./support/preview-api.ts";
import { PORTRAIT, runAvatar, SPEECH } from "./support/run-avatar.ts";

let api: PreviewApi;
let cwd: string;
beforeAll(async () => {
  api = await startPreviewApi();
});
afterAll(() => api.stop());
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "avatar-cli-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
});

async function probe(path: string): Promise<string> {
  const show = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
  const { stdout } = await promisify(execFile)("ffprobe", [...show, path], { cwd });
  return stdout.trim().split(/\s+/).join(" ");
}

describe.each(NODES)("on Node %s", (_, node) => {
  test("a portrait and a recording become a video", async () => {
    const run = await runAvatar(["generate", PORTRAIT, SPEECH, "-o", "out.mp4", "--aspect", "1:1"], {
      env: api.env,
      cwd,
      node,
    });
    expect(run).toMatchObject({ code: 0, stdout: "out.mp4\n" });
    expect(run.stderr).toMatch(/^Uploading\n(.*\n)*Saved: 960x960, 3\.0 s, \d+ kB, made in \d+ s\.\n$/);
    expect(await readdir(cwd)).toEqual(["out.mp4"]);
    expect(await probe("out.mp4")).toBe("h264,960,960 aac");
  });

  test("--detach prints an id that resume takes, and both speak JSON", async () => {
    const args = ["--seed", "7", "--metadata", "order=7", "--metadata", "note=a=b", "--ttl", "1h", "--json"];
    const begun = await runAvatar(["generate", PORTRAIT, SPEECH, "--detach", ...args], {
      env: api.env,
      cwd,
      node,
    });
    expect(begun).toMatchObject({ code: 0, stderr: "" });
    const { job } = JSON.parse(begun.stdout);
    expect(job).toMatchObject({ seed: 7, metadata: { order: "7", note: "a=b" }, ttlSeconds: 3600 });

    const run = await runAvatar(["resume", job.id, "-o", "out.mp4", "--json"], { env: api.env, cwd, node });
    expect(run).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(run.stdout)).toMatchObject({
      path: "out.mp4",
      job: { id: job.id, status: "succeeded" },
    });
    expect(await probe("out.mp4")).toMatch(/^h264/);
  });
});
