import { LIMITS } from "@avatar/contract/limits";
import type { CreateJobInput } from "@avatar/contract/types";
import { refuseFields } from "./wire.ts";

type Check = (value: unknown) => boolean;

export const isWhole =
  (min: number, max: number): Check =>
  (value) =>
    Number.isInteger(value) && Number(value) >= min && Number(value) <= max;
export const isWithin =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === "number" && value >= min && value <= max;
export const isText =
  (min: number, max: number): Check =>
  (value) =>
    typeof value === "string" && value.length >= min && value.length <= max;
export const isOneOf =
  (...values: unknown[]): Check =>
  (value) =>
    values.includes(value);
const isObject = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const { maxKeys, maxKeyLength, maxValueLength } = LIMITS.metadata;
const isMetadata: Check = (value) =>
  isObject(value) &&
  Object.keys(value).length <= maxKeys &&
  Object.entries(value).every(
    ([name, label]) => isText(1, maxKeyLength)(name) && isText(0, maxValueLength)(label),
  );

const FILE = isText(1, LIMITS.url.maxLength);
const SETTINGS: Record<Exclude<keyof CreateJobInput, "image" | "audio">, [Check, string]> = {
  aspect: [isOneOf("auto", "16:9", "9:16", "1:1"), "expected one of auto, 16:9, 9:16, 1:1"],
  fit: [isOneOf("crop", "pad"), "expected crop or pad"],
  prompt: [isText(1, LIMITS.prompt.maxLength), `expected 1 to ${LIMITS.prompt.maxLength} characters`],
  seed: [isWhole(0, 0xffff_ffff), "expected a whole number from 0 to 4294967295"],
  metadata: [isMetadata, `expected at most ${maxKeys} labels, each a text`],
  ttlSeconds: [
    isWhole(LIMITS.videoTtlSeconds.min, LIMITS.videoTtlSeconds.default),
    `expected ${LIMITS.videoTtlSeconds.min} to ${LIMITS.videoTtlSeconds.default}`,
  ],
  test: [isObject, "expected an object"],
};

/** Refuses what the API's schemas would, in other sentences but for the same fields. */
export function checkJobInput(input: Record<string, unknown>): CreateJobInput {
  const checks: Record<string, [Check, string]> = {
    image: [FILE, "expected the id of an upload or an https URL"],
    audio: [FILE, "expected the id of an upload or an https URL"],
    ...SETTINGS,
  };
  checkFields(input, checks, ["image", "audio"]);
  return input as unknown as CreateJobInput;
}

/** Looks at each field that is there, and at those that must be. */
export function checkFields(
  input: Record<string, unknown>,
  checks: Record<string, [Check, string]>,
  required: readonly string[] = [],
): void {
  const wrong = Object.entries(checks).flatMap(([path, [isRight, message]]) =>
    isRight(input[path]) || (input[path] === undefined && !required.includes(path))
      ? []
      : [{ path, message }],
  );
  refuseFields(
    wrong,
    Object.keys(input).filter((path) => !Object.hasOwn(checks, path)),
  );
}

/** Numbers are text in a query. */
export function readQuery<T>(query: URLSearchParams, checks: Record<string, [Check, string]>): T {
  const fields = [...query].map(([name, text]) => [name, /^[\d.]+$/.test(text) ? Number(text) : text]);
  const read = Object.fromEntries(fields);
  checkFields(read, checks);
  return read;
}
