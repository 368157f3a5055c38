import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { aPng, aWav } from "./media/media-files.ts";
import { throughBothDoors } from "./support/doors.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import { rawAnswer } from "./support/raw-answer.ts";
import { serverSockets } from "./support/server-sockets.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { databaseKind } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const IMAGE_BYTES = 30_000;
const AUDIO_BYTES = 20_044;
const FORM_BYTES = 300 * 1024 * 1024;

/** Elsewhere there is no such route. */
const isOnDisk = databaseKind === "pglite";

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

describe("S4: one byte over is refused", () => {
  const jsonOf = (bytes: number) => {
    const input = { contentType: "image/png", bytes: 10 };
    return JSON.stringify(input).padEnd(bytes, " ");
  };

  test("in JSON, through both doors", async () => {
    for (const [bytes, code] of [
      [LIMITS.jsonBodyBytes, undefined],
      [LIMITS.jsonBodyBytes + 1, "body_too_large"],
    ] as const) {
      const { body } = await throughBothDoors(api, "uploads.create", { body: jsonOf(bytes) });
      expect(body.code).toBe(code);
    }
  });

  test("in JSON that does not declare its length", async () => {
    const send = async (bytes: number) => {
      const body = new Blob([jsonOf(bytes)]).stream();
      const headers = { authorization: `Bearer ${api.apiKey}`, "content-type": "application/json" };
      const init: RequestInit = { method: "POST", headers, body, duplex: "half" };
      return (await fetch(new URL("/v1/uploads", api.url), init)).status;
    };
    expect(await send(LIMITS.jsonBodyBytes)).toBe(201);
    expect(await send(LIMITS.jsonBodyBytes + 1)).toBe(413);
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

describe("S4: of a declared 300 MiB at most 64 KiB are read, however eagerly they are sent:", () => {
  const json = { "content-type": "application/json" };
  test.each([
    ["a form", 413, "/v1/jobs", FORM_TYPE],
    ["JSON", 413, "/v1/uploads", json],
    ["JSON through tRPC", 413, "/trpc/uploads.create", json],
    ["a form whose key is wrong", 401, "/v1/jobs", { ...FORM_TYPE, authorization: "Bearer wrong" }],
    ["JSON whose key is wrong", 401, "/trpc/uploads.create", { ...json, authorization: "Bearer wrong" }],
    ["a form on a route that takes none", 415, "/v1/uploads", FORM_TYPE],
    ["JSON to no route", 413, "/nope", json],
    ["what goes to a wrong method", 405, "/v1/limits", json],
    ["an upload whose link is not signed", isOnDisk ? 403 : 413, "/objects/uploads/a?signature=b", json],
    ["what comes with a GET", 400, "/healthz", {}],
  ])("%s", async (_what, status, path, headers) => {
    api.advance(1001); // The key is looked up in the database, which takes its time.
    const served = serverSockets(path);
    const head = Object.entries({
      authorization: `Bearer ${api.apiKey}`,
      ...headers,
      "content-length": FORM_BYTES,
    });
    const socket = connect(Number(new URL(api.url).port), "127.0.0.1").on("error", () => {});
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const method = path.startsWith("/objects/") ? "PUT" : path === "/healthz" ? "GET" : "POST";
    socket.write(`${method} ${path} HTTP/1.1\r\nhost: a\r\n`);
    socket.write(`${head.map(([name, value]) => `${name}: ${value}`).join("\r\n")}\r\n\r\n`);
    while (!socket.destroyed)
      if (!socket.write(Buffer.alloc(1024 * 1024)))
        await Promise.race([once(socket, "drain"), closed]).catch(() => {});
    await closed;
    // Where the connection is reset because more was sent, the answer may be lost: see the tests above.
    if (answer) expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    const [server] = await until("it has been served", () => served.size === 1 && [...served]);
    await until("the server has closed the connection", () => server?.destroyed);
    expect(server?.bytesRead).toBeLessThanOrEqual(64 * 1024);
  });
});

describe("a method that has no body is refused with one", () => {
  const body = '{"status":"failed"}';
  test.each([
    ["GET", "/v1/jobs"],
    ["GET", "/v1/jobs/job_1/events"],
    ["GET", "/trpc/jobs.list?input={}"],
    ["GET", "/openapi.json"],
    ["HEAD", "/v1/jobs"],
    ["OPTIONS", "/objects/a"],
  ])("%s %s", async (method, path) => {
    const key = { authorization: `Bearer ${api.apiKey}` };
    const chunked = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    const answers = [
      await rawAnswer(api, method, path, key, body),
      await rawAnswer(api, method, path, { ...key, "transfer-encoding": "chunked" }, chunked),
    ];
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1.1 400 /);
      if (method !== "HEAD") expect(answer).toContain(`A ${method} request has no body.`);
    }
  });

  test("and is served without", async () => {
    const answer = await rawAnswer(api, "GET", "/v1/jobs", {
      authorization: `Bearer ${api.apiKey}`,
      "content-length": "0",
    });
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
  });
});
