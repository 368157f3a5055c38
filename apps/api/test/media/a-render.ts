import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type EncoderName, renderPreview } from "@avatar/preview-engine";
import { chooseEncoder } from "@avatar/preview-engine/choose-encoder";

const examples = new URL("../../../../examples/media/", import.meta.url);

export const SPEECH = new URL("speech-3s.wav", examples);

export const hasFfmpeg = await chooseEncoder("ffmpeg", "ffmpeg", () => {}).then(
  () => true,
  () => false,
);
if (!hasFfmpeg) process.stderr.write("\nSKIPPED: no usable ffmpeg on PATH, its videos are not inspected\n\n");

export const ENCODERS: EncoderName[] = hasFfmpeg ? ["wasm", "ffmpeg"] : ["wasm"];

/** A video as the preview engine really makes it. */
export async function aRender(encoder: EncoderName, recording: URL, audioSeconds: number): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "avatar-render-"));
  try {
    const outputPath = join(folder, "out.mp4");
    const imagePath = fileURLToPath(new URL("portrait.png", examples));
    const audioPath = fileURLToPath(recording);
    await renderPreview({ imagePath, audioPath, audioSeconds, outputPath, encoder, aspect: "16:9" });
    return await readFile(outputPath);
  } finally {
    await rm(folder, { recursive: true });
  }
}
