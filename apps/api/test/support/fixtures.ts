import { readFile } from "node:fs/promises";
import { type Rest, uploadFile } from "./rest.ts";

const media = new URL("../../../../examples/media/", import.meta.url);
export const PORTRAIT = await readFile(new URL("portrait.png", media));
export const SPEECH = await readFile(new URL("speech-3s.wav", media));

/** @returns the ids of an uploaded portrait and recording. */
export async function uploadFixtures(rest: Rest): Promise<{ image: string; audio: string }> {
  return {
    image: await uploadFile(rest, "image/png", PORTRAIT),
    audio: await uploadFile(rest, "audio/wav", SPEECH),
  };
}
