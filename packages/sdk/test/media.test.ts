import { readFileSync } from "node:fs";
import { ERRORS } from "@avatar/contract/errors";
import { expect, test, vi } from "vitest";
import type { AvatarError, ErrorCode, Media } from "../src/index.ts";
import { reference, sniff } from "../src/media.ts";
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
  ["media_type_mismatch", wav(), "image", "The image is audio/wav."],
  ["media_type_mismatch", png(), "audio", "The audio is image/png."],
  ["unsupported_audio", heic, "audio", "The audio is in an unknown format."],
  ["unsupported_image", gif, undefined, "The file is in an unknown format."],
  [
    "unsupported_audio",
    new Blob(["?"], { type: "audio/midi" }),
    undefined,
    "The file is in an unknown format.",
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

const IMAGE_URL = "https://example.com/a%20b/../portrait.png?token=x#part";

test("an https URL goes into the job as it was given, and the client fetches nothing", async () => {
  const { api, avatar } = given;
  const audio = new URL("https://example.com/é/speech.mp3");
  await avatar.generate({ image: IMAGE_URL, audio });
  const [first, ...later] = api.requests;
  expect(JSON.parse(first?.body ?? "")).toEqual({ image: IMAGE_URL, audio: audio.href });
  expect(new Set(later.map(({ route }) => route))).toEqual(new Set(["GET /v1/jobs/:id"]));
});

test("a URL and a file make one job", async () => {
  const { api, avatar } = given;
  await avatar.generate({ image: png(), audio: "HTTPS://example.com/speech.mp3" });
  expect(api.count("PUT /objects/:id")).toBe(1);
  const [create] = api.seen("POST /v1/jobs");
  expect(JSON.parse(create?.body ?? "")).toEqual({
    image: "upload_1",
    audio: "HTTPS://example.com/speech.mp3",
  });
});

test("the API gets the time to fetch a URL before its answer", async () => {
  const { api, avatar } = given;
  const timersOf = async (input: { image: string; audio: string }) => {
    vi.mocked(setTimeout).mockClear();
    await avatar.jobs.create(input);
    return vi.mocked(setTimeout).mock.calls.map(([, ms]) => ms);
  };
  const [image, audio] = [await avatar.upload(png()), await avatar.upload(wav())];
  expect(await timersOf({ image: image.id, audio: audio.id })).not.toContain(90_000);
  expect(await timersOf({ image: IMAGE_URL, audio: audio.id })).toContain(90_000);
  expect(await timersOf({ image: image.id, audio: "https://example.com/speech.mp3" })).toContain(90_000);
  expect(api.jobs.size).toBe(3);
});

test("a URL that cannot be fetched is not tried again, for it would take as long again", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/jobs", { code: "url_too_slow" });
  const error = await errorOf(avatar.generate({ image: IMAGE_URL, audio: IMAGE_URL }));
  expect(error).toMatchObject({ code: "url_too_slow", retryable: true, attempts: 1 });
});

test.each<string | URL>([
  "/etc/passwd",
  "http://example.com/portrait.png",
  "file:///etc/passwd",
  "data:image/png;base64,AAAA",
  "https:portrait.png",
  "upload_../x",
  "",
  new URL("http://example.com/portrait.png"),
  new URL("file:///etc/passwd"),
])("%j is refused: it is neither an upload nor an https URL, and a path never", async (text) => {
  expect(await errorOf(reference(text))).toMatchObject({
    code: "invalid_input",
    hint: /`file\(path\)` from `@avatar\/client\/node`/,
  });
});

test("a URL is not for upload()", async () => {
  for (const url of [new URL(IMAGE_URL), IMAGE_URL]) {
    const error = await errorOf(given.avatar.upload(url as unknown as Blob));
    expect(error).toMatchObject({
      code: "invalid_input",
      hint: /An https URL is for `generate`, not for `upload`/,
    });
  }
  expect(given.api.requests).toEqual([]);
});

test("a failed Response and things that are no files are refused", async () => {
  const notFound = new Response("no", { status: 404 });
  expect(await errorOf(sniff(notFound, "image"))).toMatchObject({ code: "invalid_input", detail: /404/ });
  const nothing = undefined as unknown as Media;
  expect(await errorOf(given.avatar.generate({ image: nothing, audio: wav() }))).toMatchObject({
    code: "invalid_input",
    detail: "The image cannot be read from a value of type Undefined.",
  });
});
