import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createTestDatabase, hasPythonWorker, startRunPodApi } from "@avatar/api/testing";
import { expect, onTestFinished, test } from "vitest";
import { Avatar, type Job } from "../src/index.ts";
import { file, saveTo } from "../src/node.ts";

const media = (name: string) => fileURLToPath(new URL(`../../../examples/media/${name}`, import.meta.url));

test.runIf(hasPythonWorker()).each(["disk", "s3"] as const)(
  "from the client through the API on Postgres, RunPod's stand-in and the real worker, with files on %s",
  async (store) => {
    const database = await createTestDatabase("postgres", store);
    const { api } = await startRunPodApi({ database, stub: { step_seconds: 0.5 } });
    const avatar = new Avatar({ apiKey: api.apiKey, baseUrl: api.url });
    const seen: Job[] = [];
    const video = await avatar.generate(
      { image: file(media("portrait.png")), audio: file(media("speech-3s.wav")), aspect: "16:9" },
      { onUpdate: (job) => void seen.push(job) },
    );

    const statuses = [...new Set(seen.map((job) => job.status))];
    expect(statuses).toEqual(expect.arrayContaining(["starting", "running", "succeeded"]));
    const progress = seen.flatMap((job) => (job.status === "running" ? [job.progress] : []));
    expect(progress.length).toBeGreaterThan(1);
    expect(progress.some((fraction) => fraction > 0 && fraction < 1)).toBe(true);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBeLessThanOrEqual(1);
    const last = seen.at(-1);
    expect(last?.cost.gpuSeconds).toBeGreaterThan(0);
    expect(last?.timings).toEqual({
      queue: expect.any(Number),
      start: expect.any(Number),
      run: expect.any(Number),
      total: expect.any(Number),
    });

    const folder = await mkdtemp(join(tmpdir(), "avatar-gpu-path-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, "video.mp4");
    await saveTo(video, path);
    // All of it is decoded.
    await promisify(execFile)("ffmpeg", ["-v", "error", "-xerror", "-i", path, "-f", "null", "-"]);
    const show = ["-v", "error", "-select_streams", "v", "-show_entries", "stream=codec_name,width,height"];
    const { stdout } = await promisify(execFile)("ffprobe", [...show, "-of", "csv=p=0", path]);
    expect(stdout.trim()).toBe("h264,1280,720");
    expect([video.width, video.height]).toEqual([1280, 720]);
    expect(video.durationSeconds).toBeCloseTo(3, 0);
  },
  120_000,
);
