/**
 * Promise P11: CPU seconds per second of 1280x720 video, ffmpeg's own included, and peak memory of the engine's
 * process. Renders 21 s once with each encoder: `pnpm bench`.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EncoderName, type PreviewResult, renderPreview } from "../src/preview-engine.ts";

const REPEATS = 3;
const AIMS: Record<EncoderName, number> = { ffmpeg: 0.6, wasm: 2.5 };

interface Measurement {
  readonly result: PreviewResult;
  readonly peakMegabytes: number;
}

const [, script = "", encoder, audioPath, outputPath] = process.argv;
if (encoder === undefined) benchAll();
else await renderOnce(encoder as EncoderName, audioPath ?? "", outputPath ?? "");

function benchAll(): void {
  const folder = mkdtempSync(join(tmpdir(), "preview-bench-"));
  try {
    const recording = join(folder, "speech.wav");
    writeFileSync(recording, repeatedSpeech());
    for (const [name, aim] of Object.entries(AIMS)) {
      // The shell's `times` counts its children and theirs, which no Node API does.
      const command = `"$0" "$1" "$2" "$3" "$4" && times`;
      const args = ["-c", command, process.execPath, script, name, recording, join(folder, "video.mp4")];
      const [line = "", , cpuTimes = ""] = execFileSync("sh", args, { encoding: "utf8" }).split("\n");
      const { result, peakMegabytes } = JSON.parse(line) as Measurement;
      const perSecond = cpuSeconds(cpuTimes) / result.durationSeconds;
      const verdict = perSecond <= aim ? "met" : "MISSED";
      console.log(
        `P11 ${name} ${perSecond.toFixed(2)} CPU s/s (aim <= ${aim.toFixed(2)}) ${verdict}, ` +
          `peak ${peakMegabytes} MB, ${result.durationSeconds} s of video`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function renderOnce(name: EncoderName, recording: string, output: string): Promise<void> {
  const imagePath = fileURLToPath(new URL("../../../examples/media/portrait.png", import.meta.url));
  const result = await renderPreview({
    imagePath,
    audioPath: recording,
    outputPath: output,
    aspect: "16:9",
    encoder: name,
  });
  const measurement: Measurement = {
    result,
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  };
  console.log(JSON.stringify(measurement));
}

/** The 7 s recording several times over, so that start-up weighs as little as in real use. */
function repeatedSpeech(): Buffer {
  const wav = readFileSync(new URL("../../../examples/media/speech-7s.wav", import.meta.url));
  const dataStart = wav.indexOf("data") + 8;
  const header = Buffer.from(wav.subarray(0, dataStart));
  const data = wav.subarray(dataStart);
  header.writeUInt32LE(REPEATS * data.length, dataStart - 4);
  return Buffer.concat([header, ...Array.from({ length: REPEATS }, () => data)]);
}

/** "0m1.500s 0m0.250s" is user and system time. */
function cpuSeconds(times: string): number {
  return [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds),
    0,
  );
}
