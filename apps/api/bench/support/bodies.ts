import { randomBytes } from "node:crypto";
import { aPng, aWav } from "../../test/media/media-files.ts";

export const FORM_TYPE = "multipart/form-data; boundary=b0undary";

/** A portrait and a recording whose bytes are random: repeated ones are a special case for some parsers. */
export function aForm(imageBytes: number, audioBytes: number): Buffer {
  const image = aPng({ pixels: randomBytes(imageBytes) });
  // Half a second is the least that is taken.
  const sampleRate = audioBytes < 32_000 ? 1000 : 16_000;
  const audio = aWav({ seconds: audioBytes / 2 / sampleRate, sampleRate });
  randomBytes(audio.length - 44).copy(audio, 44);
  const part = (name: string, type: string, body: Buffer) => [
    `--b0undary\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`,
    body,
    "\r\n",
  ];
  const parts = [
    ...part("image", "image/png", image),
    ...part("audio", "audio/wav", audio),
    "--b0undary--\r\n",
  ];
  return Buffer.concat(parts.map((piece) => Buffer.from(piece)));
}
