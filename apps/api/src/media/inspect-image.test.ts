import { LIMITS, type MediaType } from "@avatar/contract/limits";
import { expect, test } from "vitest";
import {
  aJpeg,
  aPng,
  ascii,
  aWav,
  exifSegment,
  jpegSegment,
  sample,
  sourceOf,
  sourceOfSize,
} from "../../test/media/media-files.ts";
import { inspectImage } from "./inspect-image.ts";

const inspect = (file: Buffer, declared: MediaType) => inspectImage(sourceOf(file), declared, LIMITS.image);
const code = (file: Buffer, declared: MediaType) =>
  inspect(file, declared).then(
    () => "accepted",
    (error) => error.code,
  );

test.each([
  ["portrait.jpg", "image/jpeg", "jpeg"],
  ["portrait-lossy.webp", "image/webp", "webp"],
  ["portrait-lossless.webp", "image/webp", "webp"],
] as const)("%s has its true size", async (name, declared, format) => {
  expect(await inspect(sample(name), declared)).toEqual({ format, width: 160, height: 144 });
});

test("a PNG has the size that its header says", async () => {
  expect(await inspect(aPng(), "image/png")).toEqual({ format: "png", width: 512, height: 640 });
});

test("an extended WebP has the size of its canvas", async () => {
  const canvas = Buffer.from([0, 0, 0, 0, 0xff, 3, 0, 0xff, 1, 0]);
  const size = Buffer.from([22, 0, 0, 0]);
  const file = Buffer.concat([ascii("RIFF"), size, ascii("WEBPVP8X"), Buffer.from([10, 0, 0, 0]), canvas]);
  expect(await inspect(file, "image/webp")).toMatchObject({ width: 1024, height: 512 });
});

test.each(["LE", "BE"] as const)(
  "a photo taken on the side is as wide as it is shown (%s)",
  async (order) => {
    const turned = aJpeg({ segments: [exifSegment(6, order)] });
    expect(await inspect(turned, "image/jpeg")).toMatchObject({ width: 640, height: 512 });
    const upright = aJpeg({ segments: [exifSegment(3, order)] });
    expect(await inspect(upright, "image/jpeg")).toMatchObject({ width: 512, height: 640 });
  },
);

test("a JPEG with 4 MB of profiles before its frame is fine", async () => {
  const segments = Array.from({ length: 64 }, () => jpegSegment(0xe2, Buffer.alloc(65_000, "ICC_PROFILE")));
  expect(await inspect(aJpeg({ segments }), "image/jpeg")).toMatchObject({ width: 512, height: 640 });
});

test("a photo with a film behind it is whole", async () => {
  const file = Buffer.concat([aJpeg(), Buffer.alloc(300_000, "film")]);
  expect(await code(file, "image/jpeg")).toBe("accepted");
});

test("a file without bytes is empty", async () => {
  expect(await code(Buffer.alloc(0), "image/png")).toBe("empty_file");
});

test("a file over the limit is refused unread", async () => {
  const inspected = inspectImage(sourceOfSize(LIMITS.image.maxBytes + 1), "image/png", LIMITS.image);
  await expect(inspected).rejects.toMatchObject({ code: "image_too_large" });
});

test("bytes of no known format are not supported", async () => {
  expect(await code(ascii("GIF89a and more"), "image/png")).toBe("unsupported_image");
});

test("another image format than the declared one is a mismatch", async () => {
  await expect(inspect(aPng(), "image/jpeg")).rejects.toMatchObject({
    code: "media_type_mismatch",
    message: "The file is declared as image/jpeg, but its bytes are PNG.",
  });
});

test("audio is no image, whatever it is declared as", async () => {
  expect(await code(aWav(), "image/png")).toBe("media_type_mismatch");
  expect(await code(aWav(), "audio/wav")).toBe("media_type_mismatch");
});

test.each([
  ["PNG with a damaged header", "image/png", patch(aPng(), 17, 1)],
  ["PNG without width", "image/png", aPng({ width: 0 })],
  ["JPEG without height", "image/jpeg", aJpeg({ height: 0 })],
  ["JPEG with text where a marker belongs", "image/jpeg", ascii("\xff\xd8\xffhello, I am not a picture")],
  [
    "JPEG whose pixels come before the frame",
    "image/jpeg",
    ascii("\xff\xd8\xff\xda\0\x08\x01\x01\0\0?\0\xff\xd9"),
  ],
  ["JPEG with two frames", "image/jpeg", aJpeg({ segments: [aJpeg().subarray(2, 15)] })],
  [
    "JPEG of a million segments",
    "image/jpeg",
    aJpeg({ segments: Array(2000).fill(jpegSegment(0xfe, Buffer.alloc(1))) }),
  ],
  ["WebP with a damaged frame", "image/webp", patch(sample("portrait-lossy.webp"), 23, 1)],
  ["WebP of an unknown kind", "image/webp", patch(sample("portrait-lossy.webp"), 15, 0x21)],
] as const)("a %s cannot be decoded", async (_name, declared, file) => {
  expect(await code(file, declared)).toBe("image_undecodable");
});

test.each([
  ["PNG", "image/png", aPng()],
  ["JPEG", "image/jpeg", aJpeg()],
  ["JPEG", "image/jpeg", sample("portrait.jpg")],
  ["WebP", "image/webp", sample("portrait-lossy.webp")],
  ["WebP", "image/webp", sample("portrait-lossless.webp")],
] as const)("a %s that is cut off anywhere is refused", async (_name, declared, file) => {
  const seen = new Set<string>();
  for (let length = 16; length < file.length; length++)
    seen.add(await code(file.subarray(0, length), declared));
  expect([...seen]).toEqual(["image_truncated"]);
});

test("a cut JPEG is noticed in spite of its whole thumbnail", async () => {
  const thumbnail = jpegSegment(0xe1, Buffer.concat([ascii("Exif\0\0II"), aJpeg()]));
  const file = aJpeg({ segments: [thumbnail], pixels: Buffer.alloc(200_000) });
  expect(await code(file.subarray(0, 150_000), "image/jpeg")).toBe("image_truncated");
});

test("a pixel bomb is refused by its header", async () => {
  await expect(inspect(aPng({ width: 50_001, height: 50_000 }), "image/png")).rejects.toMatchObject({
    code: "image_too_many_pixels",
    message: "The image has 50001 x 50000 pixels; the maximum is 50 million pixels in all.",
  });
});

test("the smallest side counts", async () => {
  await expect(inspect(aPng({ width: 127 }), "image/png")).rejects.toMatchObject({
    code: "image_too_small",
    message: "The image has 127 x 640 pixels; each side must have at least 128.",
  });
  expect(await code(aPng({ width: 128, height: 128 }), "image/png")).toBe("accepted");
});

test.each([
  ["image_too_large", { maxBytes: 100 }],
  ["image_too_many_pixels", { maxPixels: 512 * 640 - 1 }],
  ["image_too_small", { minSidePixels: 513 }],
] as const)("%s depends on the limits that are given", async (code, limits) => {
  const inspected = inspectImage(sourceOf(aPng()), "image/png", { ...LIMITS.image, ...limits });
  await expect(inspected).rejects.toMatchObject({ code });
});

test("little of a large image is read", async () => {
  const source = sourceOf(aPng({ pixels: Buffer.alloc(10_000_000) }));
  await inspectImage(source, "image/png", LIMITS.image);
  expect(source.readBytes).toBeLessThan(200_000);
});

function patch(file: Buffer, at: number, value: number): Buffer {
  const patched = Buffer.from(file);
  patched.writeUInt8(value, at);
  return patched;
}
