import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { inspectRecording } from "../src/audio/recording.ts";
import { createWasmEncoder } from "../src/encoder/wasm-encoder.ts";
import { loadPortrait } from "../src/image/load-portrait.ts";
import { createRandom } from "../src/motion/random.ts";
import { PreviewError, type PreviewOptions, renderPreview } from "../src/preview-engine.ts";
import { expectError } from "./support/expect-error.ts";
import { runCore } from "./support/ffmpeg.ts";
import { aFile, aFolder, aShortSpeech, aWav, PORTRAIT, tone } from "./support/fixtures.ts";

/** Renders into a folder of its own and checks that a failure leaves nothing in it. */
async function render(change: Partial<PreviewOptions>): Promise<void> {
  const folder = aFolder();
  const inputs = { imagePath: PORTRAIT, audioPath: aShortSpeech(0.2), outputPath: join(folder, "video.mp4") };
  try {
    await renderPreview({ ...inputs, encoder: "wasm", ...change });
  } catch (error) {
    expect(readdirSync(folder)).toEqual([]);
    throw error;
  }
}

async function encode(args: string[]): Promise<Buffer> {
  return Buffer.from(await runCore(aFile("tone.wav", aWav(tone(440, 2))), args, "encoded"));
}

describe("recordings that cannot be used", () => {
  test("shorter than 0.2 s is audio_too_short", async () => {
    await expectError(render({ audioPath: aFile("a.wav", aWav(tone(440, 0.1))) }), "audio_too_short");
  });

  test("without a single sample is audio_too_short or undecodable, never a crash", async () => {
    const error = await render({ audioPath: aFile("a.wav", aWav([])) }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PreviewError);
  });

  test("half a FLAC is audio_truncated", async () => {
    const flac = await encode(["-f", "flac"]);
    await expectError(
      render({ audioPath: aFile("a.flac", flac.subarray(0, flac.length / 2)) }),
      "audio_truncated",
    );
  });

  test("half an M4A is audio_truncated", async () => {
    const m4a = await encode(["-c:a", "aac", "-f", "mp4"]);
    await expectError(
      render({ audioPath: aFile("a.m4a", m4a.subarray(0, m4a.length / 2)) }),
      "audio_truncated",
    );
  });

  test("a video without sound is audio_undecodable", async () => {
    const args = ["-f", "lavfi", "-i", "color=size=64x64:duration=0.2", "-map", "1:v", "-f", "mp4"];
    await expectError(render({ audioPath: aFile("a.mp4", await encode(args)) }), "audio_undecodable");
  });

  test("FLAC's name with other bytes is audio_undecodable", async () => {
    const bytes = Buffer.concat([Buffer.from("fLaC"), Buffer.alloc(3000, 0x5a)]);
    await expectError(render({ audioPath: aFile("a.flac", bytes) }), "audio_undecodable");
  });

  test("a codec outside the accepted formats is audio_undecodable", async () => {
    const bytes = await encode(["-c:a", "adpcm_ms", "-f", "wav"]);
    await expectError(render({ audioPath: aFile("a.wav", bytes) }), "audio_undecodable");
  });
});

describe("portraits that cannot be used", () => {
  test("a picture without a face is no_face", async () => {
    const imagePath = join(aFolder(), "suit.png");
    await sharp(PORTRAIT).extract({ left: 0, top: 230, width: 512, height: 282 }).toFile(imagePath);
    await expectError(render({ imagePath }), "no_face");
  });

  test("a text file is unsupported_image", async () => {
    await expectError(render({ imagePath: aFile("a.png", "hello") }), "unsupported_image");
  });
});

test("an output folder that does not exist is encoder_failed", async () => {
  for (const encoder of ["wasm", "auto"] as const) {
    await expectError(render({ outputPath: "/nowhere/video.mp4", encoder }), "encoder_failed");
  }
});

describe("seeded damage ends in pixels and samples or in a PreviewError", () => {
  /** Flips, zeroes, cuts or repeats some bytes. */
  function damage(bytes: Buffer, seed: number): Buffer {
    const random = createRandom(seed);
    const result = Buffer.from(bytes);
    const at = () => Math.floor(random() * result.length);
    for (let i = 0; i < 1 + random() * 20; i++) result[at()] = Math.floor(random() * 256);
    if (random() < 0.3) result.fill(0, at());
    if (random() < 0.3) return result.subarray(0, at());
    if (random() < 0.2) return Buffer.concat([result.subarray(0, at()), result.subarray(at())]);
    return result;
  }

  async function outcomeOf(reading: Promise<unknown>): Promise<string> {
    try {
      await reading;
      return "read";
    } catch (error) {
      if (error instanceof PreviewError) return error.code;
      throw error;
    }
  }

  test.each(["wav", "flac", "mp3", "ogg", "m4a"])("of a %s recording", async (format) => {
    const args = { m4a: ["-c:a", "aac", "-f", "mp4"], ogg: ["-c:a", "opus", "-strict", "-2", "-f", "ogg"] }[
      format
    ];
    const bytes = await encode([...(args ?? ["-f", format]), "-t", "0.4"]);
    const read = async (path: string) =>
      createWasmEncoder().decodeSpeech(await inspectRecording(path), () => {}, {});
    for (let seed = 0; seed < 15; seed++) {
      const outcome = await outcomeOf(read(aFile("recording", damage(bytes, seed))));
      expect(outcome).toMatch(/^(read|(empty|unsupported)_audio|audio_\w+)$/);
    }
  });

  test.each(["png", "jpeg", "webp"] as const)("of a %s portrait", async (format) => {
    const bytes = await sharp(readFileSync(PORTRAIT)).toFormat(format).toBuffer();
    for (let seed = 0; seed < 15; seed++) {
      const outcome = await outcomeOf(loadPortrait(aFile("portrait", damage(bytes, seed))));
      expect(outcome).toMatch(/^(read|(empty|unsupported)_image|image_\w+)$/);
    }
  });
});
