import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jobs, uploads } from "../src/db/schema/schema.ts";
import { aJpeg, aPng, aWav, sample } from "./media/media-files.ts";
import { FORM_TYPE, multipart, type Part } from "./support/multipart.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

const image: Part = { name: "image", content: aPng(), fileName: "me.png", type: "image/png" };
const audio: Part = { name: "audio", content: aWav(), fileName: "hello.wav", type: "audio/wav" };
const field = (name: string, content: string): Part => ({ name, content });

function aPngOf(bytes: number): Buffer {
  const frame = aPng({ pixels: Buffer.alloc(0) }).length;
  return aPng({ pixels: Buffer.alloc(bytes - frame) });
}

const send = (parts: Part[], headers = {}) =>
  api.rest("POST", "/v1/jobs", multipart(parts), { ...FORM_TYPE, ...headers });

/** All that forms may leave behind. */
const stored = async () => ({
  rows: (await api.db.select({ id: uploads.id }).from(uploads)).map(({ id }) => id).toSorted(),
  files: await api.database.objects("uploads/"),
  incoming: await readdir(join(api.database.dataDir, "incoming")),
});

describe("a form makes a job", () => {
  const aspect = field("aspect", "1:1");
  const seed = field("seed", "7");
  const metadata = field("metadata", '{"order":"1"}');
  test.each([
    ["files first", [image, audio, aspect, seed, metadata]],
    ["files last, audio before the image", [metadata, seed, aspect, audio, image]],
    ["fields between the files", [image, aspect, seed, metadata, audio]],
  ])("with its %s", async (_order, parts) => {
    const { status, headers, body } = await send(parts);
    expect(status).toBe(202);
    expect(body).toMatchObject({ aspect: "1:1", seed: 7, metadata: { order: "1" }, audioSeconds: 1 });
    expect(headers.get("location")).toBe(`/v1/jobs/${body.id}`);
  });

  test.each([
    ["that curl calls octet-stream", { type: "application/octet-stream" }],
    ["without a type", { type: "" }],
    ["with a type in capitals", { type: "IMAGE/PNG; charset=binary" }],
    ["with an umlaut in its name", { fileName: "Porträt.png" }],
    ["of another format", { content: aJpeg(), type: "application/octet-stream" }],
  ])("of an image %s", async (_what, change) => {
    expect((await send([{ ...image, ...change }, audio])).status).toBe(202);
  });

  test("of an MP3 that curl calls octet-stream", async () => {
    const mp3 = { ...audio, content: sample("tone-cbr.mp3"), type: "application/octet-stream" };
    expect((await send([image, mp3])).status).toBe(202);
  });

  test("of an image as large as allowed", async () => {
    const largest = { ...image, content: aPngOf(LIMITS.image.maxBytes) };
    expect((await send([largest, audio])).status).toBe(202);
  });

  test("where the type of the form is written in capitals", async () => {
    const headers = { "content-type": FORM_TYPE["content-type"].replace("multipart/f", "Multipart/F") };
    expect((await send([image, audio], headers)).status).toBe(202);
  });
});

test("a form has its fields in itself: in the query none is taken", async () => {
  const { status, body } = await api.rest("POST", "/v1/jobs?seed=7", multipart([image, audio]), FORM_TYPE);
  expect(status).toBe(400);
  expect(body).toMatchObject({ code: "unknown_field", issues: [{ path: "seed" }] });
});

describe("nothing is left of a form", () => {
  const noise = (bytes: number) => Buffer.alloc(bytes, "noise");
  const large = { ...image, content: aPngOf(LIMITS.image.maxBytes + 1) };
  const refused: [string, Part[], string][] = [
    ["without parts", [], "missing_part"],
    ["without audio", [image, field("aspect", "1:1")], "missing_part"],
    ["without an image", [audio], "missing_part"],
    ["with an unknown field", [image, audio, field("nope", "1")], "unknown_field"],
    ["with an unknown file", [image, { ...audio, name: "voice" }], "unknown_field"],
    ["with a field called __proto__", [image, audio, field("__proto__", "{}")], "unknown_field"],
    ["with two images", [image, image, audio], "invalid_input"],
    ["with two seeds", [image, audio, field("seed", "1"), field("seed", "1")], "invalid_input"],
    ["with three files", [image, audio, audio], "malformed_multipart"],
    ["with text for the audio", [image, field("audio", "upload_1")], "invalid_input"],
    ["with a seed that is no number", [image, audio, field("seed", "abc")], "invalid_input"],
    [
      "with a label that would be lost",
      [image, audio, field("metadata", '{"__proto__":"x"}')],
      "invalid_input",
    ],
    ["with metadata that is no JSON", [image, audio, field("metadata", "{")], "invalid_input"],
    ["with a field of 40 KiB", [image, audio, field("prompt", "x".repeat(40_960))], "malformed_multipart"],
    ["with an empty image", [{ ...image, content: "" }, audio], "empty_file"],
    ["with an empty file of no type", [{ ...image, content: "", type: "" }, audio], "empty_file"],
    ["with a film", [{ ...image, type: "video/mp4" }, audio], "unsupported_image"],
    ["with noise for audio", [image, { ...audio, content: noise(9000), type: "" }], "unsupported_audio"],
    ["with a JPEG called PNG", [{ ...image, content: aJpeg() }, audio], "media_type_mismatch"],
    ["with too short a recording", [image, { ...audio, content: aWav({ seconds: 0.1 }) }], "audio_too_short"],
    ["with a cut image", [{ ...image, content: aPng().subarray(0, -12) }, audio], "image_truncated"],
    ["with an image a byte too large", [large, audio], "image_too_large"],
  ];

  test.each(refused)("%s", async (_what, parts, code) => {
    const before = await stored();
    const { body } = await send(parts);
    expect(body.code).toBe(code);
    expect(await stored()).toEqual(before);
  });

  test.each([
    ["that ends within a part", multipart([image, audio]).subarray(0, -100), FORM_TYPE],
    ["that lacks its last boundary", multipart([image, audio], ""), FORM_TYPE],
    ["of another boundary", multipart([image, audio]), { "content-type": "multipart/form-data; boundary=x" }],
    ["whose type has no boundary", multipart([image, audio]), { "content-type": "multipart/form-data" }],
    ["that is no form", Buffer.from("hello"), FORM_TYPE],
  ])("%s", async (_what, bytes, headers) => {
    const before = await stored();
    const { body } = await api.rest("POST", "/v1/jobs", bytes, headers);
    expect(body.code).toMatch(/^(malformed_multipart|missing_part)$/);
    expect(await stored()).toEqual(before);
  });

  test("whose connection is cut in the middle of a file", async () => {
    const before = await stored();
    const form = request(`${api.url}/v1/jobs`, {
      method: "POST",
      headers: { authorization: `Bearer ${api.apiKey}`, ...FORM_TYPE },
    }).on("error", () => {});
    form.write(multipart([{ ...image, content: noise(100_000) }], "").subarray(0, -50_000));
    await until("the file comes in", async () => (await stored()).incoming.length > 0);
    form.destroy();
    await until("all is gone", async () => JSON.stringify(await stored()) === JSON.stringify(before));
  });

  test("with a recording a byte too large", { timeout: 60_000 }, async () => {
    const before = await stored();
    const content = Buffer.alloc(LIMITS.audio.maxBytes + 1);
    expect((await send([image, { ...audio, content }])).body.code).toBe("audio_too_large");
    expect(await stored()).toEqual(before);
  });
});

describe("an Idempotency-Key", () => {
  test("gives the same job for the same form, whose files are not kept twice", async () => {
    const headers = { "idempotency-key": "same" };
    const first = await send([image, audio], headers);
    const before = await stored();
    const again = await send([audio, image], headers);
    expect([again.status, again.body.id]).toEqual([202, first.body.id]);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await stored()).toEqual(before);
  });

  test("makes one job of several forms at once, and keeps two files", async () => {
    const before = await stored();
    const jobsBefore = await api.db.$count(jobs);
    const forms = Array.from({ length: 5 }, () => send([image, audio], { "idempotency-key": "at-once" }));
    const ids = (await Promise.all(forms)).map(({ body }) => body.id);
    expect(new Set(ids).size).toBe(1);
    expect(await api.db.$count(jobs)).toBe(jobsBefore + 1);
    expect((await stored()).files).toHaveLength(before.files.length + 2);
  });

  test("refuses another file, and keeps nothing of it", async () => {
    const headers = { "idempotency-key": "other" };
    await send([image, audio], headers);
    const before = await stored();
    const { body } = await send([{ ...image, content: aPng({ width: 600 }) }, audio], headers);
    expect(body.code).toBe("idempotency_mismatch");
    expect(await stored()).toEqual(before);
  });

  test("that is not valid is refused before the files are taken", async () => {
    const before = await stored();
    expect((await send([image, audio], { "idempotency-key": "a b" })).body.code).toBe("invalid_input");
    expect(await stored()).toEqual(before);
  });
});

describe("a body of 300 MiB, of which 1 KiB is sent, is answered", () => {
  const declare = async (headers: object): Promise<IncomingMessage> => {
    const message = request(`${api.url}/v1/jobs`, {
      method: "POST",
      headers: { "content-length": 300 * 1024 * 1024, ...headers },
    }).on("error", () => {});
    message.write(Buffer.alloc(1024));
    try {
      return await new Promise((resolve) => message.once("response", resolve));
    } finally {
      message.destroy();
    }
  };
  const json = { "content-type": "application/json" };

  test("where the key is wrong", async () => {
    const { statusCode, headers } = await declare({ ...FORM_TYPE, authorization: "Bearer wrong" });
    expect({ statusCode, connection: headers.connection }).toEqual({ statusCode: 401, connection: "close" });
  });

  test("where it is JSON", async () => {
    const { statusCode } = await declare({ ...json, authorization: `Bearer ${api.apiKey}` });
    expect(statusCode).toBe(413);
  });
});

/** All that the server says to a refused request of 20 MiB and to one more after it. @throws where the connection breaks */
async function sendRefused(connection: string): Promise<string> {
  const socket = connect({ port: Number(new URL(api.url).port), host: "127.0.0.1", allowHalfOpen: true });
  const said = text(socket);
  socket.write(
    `POST /v1/jobs HTTP/1.1\r\nhost: a\r\nconnection: ${connection}\r\ncontent-length: ${20 * 2 ** 20}\r\n\r\n`,
  );
  for (let sent = 0; sent < 20; sent++) if (!socket.write(Buffer.alloc(2 ** 20))) await once(socket, "drain");
  if (connection !== "close") socket.write("GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
  socket.end();
  return said;
}

test("who sends on after a refusal gets the answer, and may go on", async () => {
  expect(await sendRefused("keep-alive")).toMatch(/^HTTP\/1.1 401 (.|\s)*HTTP\/1.1 200 /);
});

test("who sends on after a refusal gets the answer, also where it asked to close the connection", async () => {
  expect(await sendRefused("close")).toMatch(/^HTTP\/1.1 401 (.|\s)*"code":"unauthorized"/);
});

test("who sends without an end after a refusal is cut off", async () => {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1").on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.resume();
  socket.write(
    "POST /v1/jobs HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n",
  );
  const chunk = Buffer.concat([Buffer.from("100000\r\n"), Buffer.alloc(2 ** 20), Buffer.from("\r\n")]);
  let megabytes = 0;
  for (; !socket.destroyed; megabytes++)
    if (!socket.write(chunk)) await Promise.race([once(socket, "drain"), closed]).catch(() => {});
  await closed;
  expect(megabytes).toBeGreaterThan(50);
  expect(megabytes).toBeLessThan(150);
});
