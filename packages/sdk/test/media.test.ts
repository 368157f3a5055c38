import { readFileSync } from "node:fs";
import { ERRORS } from "@avatar/contract/errors";
import { LIMITS } from "@avatar/contract/limits";
import { expect, test } from "vitest";
import type { AvatarError, ErrorCode, Media } from "../src/index.ts";
import { sniff, uploadId } from "../src/media.ts";
import { errorOf, png, useFakeApi, wav } from "./support/use-fake-api.ts";

const given = useFakeApi();

const bytes = (text: string) => Uint8Array.from(text.padEnd(64, "\0"), (char) => char.charCodeAt(0));

test.each([
  ["image/jpeg", "\xff\xd8\xff\xe0"],
  ["image/png", "\x89PNG\r\n\x1a\n"],
  ["image/webp", "RIFF\x01\x02\x0a\x0dWEBPVP8 "],
  ["audio/wav", "RIFF\x01\x02\x0a\x0dWAVE"],
  ["audio/wav", "RF64\xff\xff\xff\xffWAVE"],
  ["audio/mpeg", "ID3\x04"],
  ["audio/mpeg", "\xff\xfb\x90\x64"],
  ["audio/mp4", "\0\0\0\x20ftypM4A "],
  ["audio/aac", "\xff\xf1\x50\x80"],
  ["audio/ogg", "OggS"],
  ["audio/flac", "fLaC"],
] as const)("%s is known by its first bytes, whatever the blob says", async (contentType, head) => {
  const { blob, ...facts } = await sniff(new Blob([bytes(head)], { type: "text/plain" }));
  expect(facts).toEqual({ contentType, kind: contentType.slice(0, 5) });
});

test("the example files are known", async () => {
  const read = (name: string) => readFileSync(new URL(`../../../examples/media/${name}`, import.meta.url));
  expect(await sniff(read("portrait.png"), "image")).toMatchObject({ contentType: "image/png" });
  expect(await sniff(read("speech-3s.wav"), "audio")).toMatchObject({ contentType: "audio/wav" });
});

const jpeg = bytes("\xff\xd8\xff");

test.each<{ name: string; media: Media }>([
  { name: "a Blob", media: png() },
  { name: "a File", media: new File([png()], "portrait") },
  { name: "an ArrayBuffer", media: Uint8Array.from(jpeg).buffer },
  { name: "a view on a larger buffer", media: Buffer.concat([Buffer.from("before"), jpeg]).subarray(6) },
  { name: "a stream", media: png().stream() },
  { name: "a Response", media: new Response(png()) },
  { name: "a function", media: async () => png() },
])("$name is a file", async ({ media }) => {
  expect((await sniff(media, "image")).blob.size).toBeGreaterThanOrEqual(64);
});

const gif = new Blob([bytes("GIF89a")]);
const heic = new Blob([bytes("\0\0\0\x18ftypheic")]);

test.each<[ErrorCode, Media, "image" | "audio" | undefined, string]>([
  ["empty_file", new Blob([]), "image", "The image is empty."],
  ["unsupported_image", gif, "image", "The image is in an unknown format."],
  ["unsupported_image", wav(), "image", "The image is audio/wav."],
  ["unsupported_audio", png(), "audio", "The audio is image/png."],
  ["unsupported_audio", heic, "audio", "The audio is in an unknown format."],
  ["unsupported_image", gif, undefined, "The file is in an unknown format."],
  [
    "unsupported_audio",
    new Blob(["?"], { type: "audio/midi" }),
    undefined,
    "The file is in an unknown format.",
  ],
  [
    "image_too_large",
    png(LIMITS.image.maxBytes),
    "image",
    "The image has 20971528 bytes; at most 20971520 are allowed.",
  ],
  [
    "audio_too_large",
    wav(LIMITS.audio.maxBytes),
    "audio",
    "The audio has 104857612 bytes; at most 104857600 are allowed.",
  ],
])("%s is found before a byte is sent", async (code, media, kind, detail) => {
  const error = (await errorOf(sniff(media, kind))) as AvatarError;
  expect(error).toMatchObject({ code, detail, retryable: false });
  expect(error.hint, "the API's own words").toBe(ERRORS[code as keyof typeof ERRORS].hint);
});

test("a bad recording is found before the portrait is sent", async () => {
  expect(await errorOf(given.avatar.generate({ image: png(), audio: gif }))).toMatchObject({
    code: "unsupported_audio",
  });
  expect(given.api.requests).toEqual([]);
});

test("uploads and their ids are not sent again", async () => {
  const { api, avatar } = given;
  const image = await avatar.upload(png());
  const audio = await avatar.upload(wav());
  expect(image).toEqual({ id: "upload_1", expiresAt: new Date("2026-01-01T01:00:00Z") });
  await avatar.generate({ image, audio: audio.id });
  expect(api.count("POST /v1/uploads")).toBe(2);
});

test.each(["/etc/passwd", "https://example.com/portrait.png", "upload_../x", ""])(
  "the string %j is neither a path nor an address",
  (text) => {
    expect(() => uploadId(text)).toThrow(/`file\(path\)` from `@avatar\/client\/node`.*invalid_input/);
  },
);

test("a failed Response and things that are no files are refused", async () => {
  const notFound = new Response("no", { status: 404 });
  expect(await errorOf(sniff(notFound, "image"))).toMatchObject({ code: "invalid_input", detail: /404/ });
  const nothing = undefined as unknown as Media;
  expect(await errorOf(given.avatar.generate({ image: nothing, audio: wav() }))).toMatchObject({
    code: "invalid_input",
    detail: "The image cannot be read from a value of type Undefined.",
  });
});

test("onUpload reports the start and the end of each file", async () => {
  const seen: string[] = [];
  await given.avatar.generate(
    { image: png(), audio: wav() },
    { onUpload: ({ input, loaded, total }) => seen.push(`${input} ${loaded}/${total}`) },
  );
  expect(seen.sort()).toEqual(["audio 0/76", "audio 76/76", "image 0/72", "image 72/72"]);
});
