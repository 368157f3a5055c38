import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aPng, aWav } from "./media/media-files.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

const IMAGE_BYTES = 30_000;
const AUDIO_BYTES = 20_044;
const FORM_BYTES = 300 * 1024 * 1024;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    dispatcher: { maxRunsInFlight: 0 },
    config: {
      inputLimits: {
        image: { ...LIMITS.image, maxBytes: IMAGE_BYTES },
        audio: { ...LIMITS.audio, maxBytes: AUDIO_BYTES },
      },
    },
  });
});
afterAll(() => api.stop());

const imageOf = (bytes: number) => {
  const frame = aPng({ pixels: Buffer.alloc(0) }).length;
  return aPng({ pixels: Buffer.alloc(bytes - frame) });
};
const audioOf = (bytes: number) => aWav({ seconds: (bytes - 44) / 8000, bits: 8 });

describe("S4: one byte over is refused", () => {
  const submit = (imageBytes: number, audioBytes: number) => {
    const image = { name: "image", content: imageOf(imageBytes), fileName: "a.png", type: "image/png" };
    const audio = { name: "audio", content: audioOf(audioBytes), fileName: "a.wav", type: "audio/wav" };
    return api.rest("POST", "/v1/jobs", multipart([image, audio]), FORM_TYPE);
  };
  const declare = (contentType: string, bytes: number) =>
    api.rest("POST", "/v1/uploads", { contentType, bytes });

  test("in a file of a form", async () => {
    expect((await submit(IMAGE_BYTES, AUDIO_BYTES)).status).toBe(202);
    expect((await submit(IMAGE_BYTES + 1, AUDIO_BYTES)).body.code).toBe("image_too_large");
    expect((await submit(IMAGE_BYTES, AUDIO_BYTES + 1)).body.code).toBe("audio_too_large");
  });

  test.each([
    ["image/png", IMAGE_BYTES, "image_too_large"],
    ["audio/wav", AUDIO_BYTES, "audio_too_large"],
  ])("in a declared upload of %s", async (contentType, bytes, code) => {
    expect((await declare(contentType, bytes)).status).toBe(201);
    expect((await declare(contentType, bytes + 1)).body.code).toBe(code);
  });

  test("in a signed PUT, which then still takes what was declared", async () => {
    const { body: upload } = await declare("image/png", IMAGE_BYTES);
    const put = async (bytes: number) => {
      const body = new Uint8Array(imageOf(bytes));
      return (await fetch(upload.url, { method: "PUT", headers: upload.headers, body })).status;
    };
    expect(await put(IMAGE_BYTES + 1)).toBeGreaterThanOrEqual(400);
    expect(await api.database.objects(`uploads/${upload.id}`)).toEqual([]);
    expect(await put(IMAGE_BYTES)).toBe(200);
  });
});

/** Sends the head of a form of 300 MiB, and nothing of its body. */
function sendHead(key: string): { socket: Socket; answer: Promise<string> } {
  const socket = connect({ port: Number(new URL(api.url).port), host: "127.0.0.1", allowHalfOpen: true });
  const answer = text(socket);
  const head = [
    "POST /v1/jobs HTTP/1.1",
    "host: a",
    `authorization: Bearer ${key}`,
    `content-type: ${FORM_TYPE["content-type"]}`,
    `content-length: ${FORM_BYTES}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  return { socket, answer };
}

describe("S4: before any of its body is sent", () => {
  test("a form of 300 MiB is refused", async () => {
    const { socket, answer } = sendHead(api.apiKey);
    expect(await answer).toMatch(/^HTTP\/1.1 413 .*connection: close.*"code":"body_too_large"/is);
    socket.destroy();
  });

  test("a wrong key is refused", async () => {
    const { socket, answer } = sendHead("wrong");
    expect(await answer).toMatch(/^HTTP\/1.1 401 .*connection: close.*"code":"unauthorized"/is);
    socket.destroy();
  });
});

test("S4: who sends a refused form of 300 MiB nevertheless is cut off", async () => {
  const { socket, answer } = sendHead(api.apiKey);
  answer.catch(() => {}); // The connection may be reset.
  const closed = new Promise((resolve) => socket.once("close", resolve));
  socket.on("error", () => {});
  let megabytes = 0;
  for (; megabytes < 300 && !socket.destroyed; megabytes++)
    if (!socket.write(Buffer.alloc(1024 * 1024)))
      await Promise.race([once(socket, "drain"), closed]).catch(() => {});
  await closed;
  // What the kernel holds is among them.
  expect(megabytes).toBeLessThan(50);
});
