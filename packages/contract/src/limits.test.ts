import { expect, test } from "vitest";
import { LIMITS, MEDIA_TYPE_NAMES, MEDIA_TYPES, mediaKind, parseMediaType } from "./limits.ts";

test.each([
  ["image/png", "image/png"],
  ["IMAGE/PNG", "image/png"],
  [" image/jpeg ; charset=binary", "image/jpeg"],
  ["audio/mpeg;x", "audio/mpeg"],
])("%j is %s", (text, type) => {
  expect(parseMediaType(text)).toBe(type);
});

test.each(["", ";", "image/gif", "image", "constructor", "__proto__", "application/octet-stream"])(
  "%j is no type that we take",
  (text) => {
    expect(parseMediaType(text)).toBeUndefined();
  },
);

test.each(MEDIA_TYPE_NAMES)("%s is an image or audio, as its format is", (type) => {
  const isImageFormat = ["jpeg", "png", "webp"].includes(MEDIA_TYPES[type]);
  expect(mediaKind(type)).toBe(isImageFormat ? "image" : "audio");
});

test("defaults are within their bounds", () => {
  expect(LIMITS.list.defaultLimit).toBeLessThanOrEqual(LIMITS.list.maxLimit);
  expect(LIMITS.videoTtlSeconds.min).toBeLessThan(LIMITS.videoTtlSeconds.default);
  expect(LIMITS.audio.minSeconds).toBeLessThan(LIMITS.audio.maxSeconds);
});
