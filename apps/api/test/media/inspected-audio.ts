import { LIMITS, type MediaType } from "@avatar/contract/limits";
import { inspectAudio } from "../../src/media/inspect-audio.ts";
import { sourceOf } from "./media-files.ts";

export const inspect = (file: Buffer, declared: MediaType) =>
  inspectAudio(sourceOf(file), declared, LIMITS.audio);

export const secondsOf = async (file: Buffer, declared: MediaType) => (await inspect(file, declared)).seconds;

/** The code of the error, or "accepted". */
export const codeOf = (file: Buffer, declared: MediaType) =>
  inspect(file, declared).then(
    () => "accepted",
    (error) => error.code,
  );

export const share = (file: Buffer, part: number) => file.subarray(0, Math.round(file.length * part));
