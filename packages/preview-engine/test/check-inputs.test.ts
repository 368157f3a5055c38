import sharp from "sharp";
import { expect, test } from "vitest";
import { checkInputs } from "../src/preview-engine.ts";
import { expectError } from "./support/expect-error.ts";
import { aFile, aWav, PORTRAIT, SPEECH_3S } from "./support/fixtures.ts";

const check = async (imagePath: string, audioPath: string, encoder: "auto" | "wasm" = "auto") => {
  const { faults, audibleSeconds } = await checkInputs({ imagePath, audioPath, encoder });
  return { faults: faults.map(({ code }) => code), audibleSeconds };
};

test.each(["auto", "wasm"] as const)(
  "good files have no faults, and speech is heard (%s)",
  async (encoder) => {
    const { faults, audibleSeconds } = await check(PORTRAIT, SPEECH_3S, encoder);
    expect(faults).toEqual([]);
    expect(audibleSeconds).toBeGreaterThan(1.8);
    expect(audibleSeconds).toBeLessThan(3);
  },
);

test("a picture of nobody and a silent recording", async () => {
  const grey = sharp({ create: { width: 600, height: 400, channels: 3, background: "#888" } });
  const image = aFile("grey.png", await grey.png().toBuffer());
  expect(await check(image, aFile("a.wav", aWav(new Int16Array(32_000))))).toEqual({
    faults: ["no_face"],
    audibleSeconds: 0,
  });
});

test("both files are looked at, whatever is wrong with the first", async () => {
  const { faults } = await check(aFile("a.png", "no image"), aFile("a.wav", "no sound"));
  expect(faults).toEqual(["unsupported_image", "unsupported_audio"]);
});

test("the flag of another thread stops it", async () => {
  const abortFlag = new Int32Array(new SharedArrayBuffer(4)).fill(1);
  await expectError(checkInputs({ imagePath: PORTRAIT, audioPath: SPEECH_3S, abortFlag }), "aborted");
});
