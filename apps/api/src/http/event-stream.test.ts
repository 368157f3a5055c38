import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { createLook, tendStream } from "./event-stream.ts";

/** An answer that has begun, and the client that has not read anything yet. */
async function beginAnswer(): Promise<{ response: ServerResponse; client: Socket }> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1").pause();
  onTestFinished(() => {
    client.destroy();
    server.close();
  });
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const [, response] = await once(server, "request");
  return { response, client };
}

const untilSent = async ({ socket }: ServerResponse) => {
  while (socket?.writableLength !== 0) await turn();
};

/** All that the client gets, without what frames the chunks. */
async function readBody(client: Socket): Promise<string> {
  let text = "";
  client.on("data", (bytes) => {
    text += bytes;
  });
  client.resume();
  while (!text.endsWith("\r\n0\r\n\r\n")) await turn();
  return text.slice(text.indexOf("\r\n\r\n")).replaceAll(/\r\n(\w+\r\n)?/g, "");
}

test("an answer is looked after until it ends", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const { response, client } = await beginAnswer();
  tendStream(response, 15_000, "beat\n");
  response.write("hello\n");
  for (let i = 0; i < 2; i++) {
    await untilSent(response);
    vi.advanceTimersByTime(15_000);
  }
  response.end("bye");
  expect(await readBody(client)).toBe("hello\nbeat\nbeat\nbye");
  while (!response.closed) await turn();
  expect(vi.getTimerCount()).toBe(0);
});

test("an answer whose client has gone before is not looked after at all", async () => {
  const { response, client } = await beginAnswer();
  client.destroy();
  while (!response.closed) await turn();
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  tendStream(response, 15_000, "beat\n");
  expect(vi.getTimerCount()).toBe(0);
});

test("heartbeats wait for the headers, and stop at the end", async () => {
  const { response, client } = await beginAnswer();
  const look = createLook(response, "beat\n");
  look();
  expect(response.headersSent).toBe(false);
  response.write("hello\n");
  await untilSent(response);
  response.end("bye");
  look();
  expect(await readBody(client)).toBe("hello\nbye");
});

test("a client that takes a little now and then keeps its answer; one that takes nothing loses it", async () => {
  const { response, client } = await beginAnswer();
  const look = createLook(response);
  const source = new Readable({ read: () => setImmediate(() => source.push(Buffer.alloc(50_000))) });
  onTestFinished(() => void source.destroy());
  source.pipe(response);
  const { socket } = response;
  if (!socket) expect.fail("the answer has no connection");
  const untilItWaits = async () => {
    while (socket.writableLength === 0) await turn();
  };
  const taken = () => socket.bytesWritten - socket.writableLength;

  await untilItWaits();
  look();
  for (const before = taken(); taken() === before; ) {
    client.resume();
    await turn();
  }
  client.pause();
  await untilItWaits();
  look();
  expect(response.destroyed).toBe(false);
  while (!response.destroyed) {
    await turn();
    look();
  }
});
