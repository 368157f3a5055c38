/** node generate.ts <portrait> <recording> <video.mp4> [--aspect auto|16:9|9:16|1:1] */
import { parseArgs } from "node:util";
import { type Aspect, Avatar, AvatarError, type Job } from "@avatar/client";
import { file, saveTo } from "@avatar/client/node";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { aspect: { type: "string", default: "auto" } },
});
const [portrait, recording, output] = positionals;
if (!portrait || !recording || !output) {
  console.error("Usage: node generate.ts <portrait> <recording> <video.mp4> [--aspect auto|16:9|9:16|1:1]");
  process.exit(2);
}

let lastTenth = "";

// Ctrl-C cancels the job, so that nobody pays for a video that nobody waits for.
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());

try {
  const avatar = new Avatar(); // AVATAR_BASE_URL and AVATAR_API_KEY
  const startedAt = Date.now();
  const video = await avatar.generate(
    { image: file(portrait), audio: file(recording), aspect: values.aspect as Aspect },
    { onUpdate: showProgress, signal: stop.signal },
  );
  await saveTo(video, output, { signal: stop.signal });
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
  const facts = `${video.width}x${video.height}, ${video.durationSeconds.toFixed(1)} s, ${Math.ceil(video.bytes / 1000)} kB`;
  console.log(`Saved ${output} (${facts}) after ${seconds} s. Job ${video.jobId}.`);
} catch (error) {
  if (process.stdout.isTTY) console.log(); // below the bar
  console.error(AvatarError.is(error) ? error.message : error);
  process.exitCode = 1;
}

/** One line that is redrawn; where the output is no terminal, a new line for every tenth. */
function showProgress(job: Job): void {
  const done = job.status === "succeeded" ? 1 : job.status === "running" ? job.progress : 0;
  const percent = job.status === "running" ? ` ${Math.round(done * 100)} %` : "";
  const note = job.status === "starting" && job.cold ? " (waking a worker)" : "";
  const line = `${"█".repeat(Math.round(done * 30)).padEnd(30, "░")} ${job.status}${percent}${note}`;
  if (process.stdout.isTTY)
    return void process.stdout.write(`\r\x1b[K${line}${job.status === "succeeded" ? "\n" : ""}`);
  const tenth = `${job.status} ${Math.floor(done * 10)}`;
  if (tenth !== lastTenth) console.log(line);
  lastTenth = tenth;
}
