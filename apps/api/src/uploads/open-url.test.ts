import type { RequestListener } from "node:http";
import { connect, Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type SmallInternet, startSmallInternet } from "../../test/support/small-internet.ts";
import { until } from "../../test/support/until.ts";
import { ObjectTooLarge } from "../storage/object-store.ts";
import { createUrlOpener } from "./open-url.ts";

const ADDRESS = "93.184.215.14";
/** A place in the internet where nobody listens. */
const DOWN = ["1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4", "2606:4700::1", "2606:4700::2", "2606:4700::3"];
const { signal } = new AbortController();
let internet: SmallInternet;

beforeAll(async () => {
  internet = await startSmallInternet({ publicAddresses: [ADDRESS], certified: ["good.test", "down.test"] });
  internet.zone.set("good.test", [[ADDRESS]]);
  internet.zone.set("other.test", [[ADDRESS]]);
  internet.zone.set("empty.test", [[]]);
});
afterEach(async () => {
  await until("every connection is closed", () => internet.openSockets.size === 0);
  expect(internet.canaryHits).toEqual([]);
});
afterAll(() => internet.stop());

/** An opener that does not wait long where a test is about waiting. */
const opener = (timeLimits = {}) => createUrlOpener({ ...internet, timeLimits });

async function read(url = "https://good.test/a?secret=x", open = opener(), maxBytes = 1000): Promise<Buffer> {
  return buffer(await open(url, { signal, maxBytes }));
}

const raw =
  (text: string): RequestListener =>
  ({ socket }) =>
    socket.end(text);

test.each<[string, string, RequestListener]>([
  ["a 404", "The server at good.test answered 404.", (_, response) => response.writeHead(404).end()],
  ["a 500", "The server at good.test answered 500.", (_, response) => response.writeHead(500).end()],
  ["a 206", "The server at good.test answered 206.", (_, response) => response.writeHead(206).end("x")],
  ["a 304", "The server at good.test answered 304.", (_, response) => response.writeHead(304).end()],
  [
    "a 300",
    "The server at good.test answered 300.",
    (_, response) => response.writeHead(300, { location: "/" }).end(),
  ],
  [
    "a redirect to nowhere",
    "The redirect of good.test leads nowhere.",
    (_, response) => response.writeHead(302).end(),
  ],
  [
    "a compressed file",
    "The server at good.test compressed the file.",
    (_, response) => response.writeHead(200, { "content-encoding": "gzip" }).end("x"),
  ],
  [
    "fewer bytes than declared",
    "The server at good.test broke off (ECONNRESET).",
    raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n123456789"),
  ],
  [
    "a last chunk that never comes",
    "The server at good.test broke off (ECONNRESET).",
    raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n"),
  ],
  [
    "a connection that is closed at once",
    "The server at good.test gave no HTTP answer (ECONNRESET).",
    raw(""),
  ],
  [
    "another protocol",
    "The server at good.test gave no HTTP answer (HPE_INVALID_CONSTANT).",
    raw("SSH-2.0-x\r\n"),
  ],
  [
    "two lengths",
    "The server at good.test gave no HTTP answer (HPE_UNEXPECTED_CONTENT_LENGTH).",
    raw("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
  ],
  [
    "more than 16 KiB of headers",
    "The server at good.test gave no HTTP answer (HPE_HEADER_OVERFLOW).",
    raw(`HTTP/1.1 200 OK\r\nx: ${"x".repeat(17_000)}\r\n\r\n`),
  ],
  [
    "a switch of protocols",
    "The server at good.test gave no HTTP answer.",
    raw("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
  ],
])("S2: %s is no file", async (_title, detail, answer) => {
  internet.answer(answer);
  await expect(read()).rejects.toMatchObject({ code: "url_unreachable", message: detail });
});

test.each([
  ["https://unknown.test/", "The host unknown.test was not found (ENOTFOUND)."],
  ["https://empty.test/", "The host empty.test has no address."],
  [`https://${"a".repeat(64)}.test/`, /^The host a+\.test was not found \(EBADNAME\)\.$/],
  ["https://other.test/", "No secure connection to other.test could be made (ERR_TLS_CERT_ALTNAME_INVALID)."],
  [`https://${ADDRESS}/`, `No secure connection to ${ADDRESS} could be made (ERR_TLS_CERT_ALTNAME_INVALID).`],
])("S2: %s is unreachable", async (url, detail) => {
  const message = typeof detail === "string" ? detail : expect.stringMatching(detail);
  await expect(read(url)).rejects.toMatchObject({ code: "url_unreachable", message });
});

test("S2: a certificate that nobody vouches for is refused", async () => {
  const { resolve, dial } = internet;
  await expect(read("https://good.test/", createUrlOpener({ resolve, dial }))).rejects.toMatchObject({
    code: "url_unreachable",
    message: "No secure connection to good.test could be made (DEPTH_ZERO_SELF_SIGNED_CERT).",
  });
});

test.each([
  ["the third address answers", [...DOWN.slice(0, 2), ADDRESS], [...DOWN.slice(0, 2), ADDRESS], true],
  ["three addresses are tried at the most", [...DOWN.slice(0, 4), ADDRESS], DOWN.slice(0, 3), false],
  ["both families are among them", [...DOWN.slice(4), ADDRESS, "1.0.0.1"], ["2606:4700::1", ADDRESS], true],
])("S2: where some addresses refuse connections, %s", async (_title, addresses, expected, isReached) => {
  internet.answer((_request, response) => response.end("file"));
  const tried: string[] = [];
  const open = createUrlOpener({
    ca: internet.ca,
    resolve: async () => addresses,
    dial(address, port) {
      tried.push(address);
      // Port 1 of loopback: nobody listens there.
      return address === ADDRESS ? internet.dial(address, port) : connect({ host: "127.0.0.1", port: 1 });
    },
  });
  const outcome = await read("https://down.test/", open).then(String, (error) => error.message);
  expect(outcome).toBe(
    isReached ? "file" : "No secure connection to down.test could be made (ECONNREFUSED).",
  );
  expect(tried).toEqual(expected);
});

test("S2: three redirects are followed, the fourth is not", async () => {
  internet.answer(({ url = "" }, response) => {
    const left = Number(url.slice(1));
    if (left === 0) return response.end("file");
    response.writeHead(302, { location: `/${left - 1}` }).end("x".repeat(100_000));
  });
  expect(String(await read("https://good.test/3"))).toBe("file");
  await expect(read("https://good.test/4")).rejects.toMatchObject({ code: "url_too_many_redirects" });
});

test.each<[string, string, object, RequestListener]>([
  ["no headers", "The server at good.test did not answer within 0.2 s.", { answerMs: 200 }, () => undefined],
  [
    "no headers after a redirect",
    "The server at good.test did not answer within 0.5 s.",
    { answerMs: 500 },
    ({ url }, response) => url !== "/end" && response.writeHead(302, { location: "/end" }).end(),
  ],
  [
    "half the headers",
    "The server at good.test did not answer within 0.2 s.",
    { answerMs: 200 },
    ({ socket }) => socket.write("HTTP/1.1 200 OK\r\ncontent-"),
  ],
  [
    "no body",
    "The server at good.test sent nothing for 0.05 s.",
    { stallMs: 50 },
    (_, response) => response.flushHeaders(),
  ],
  [
    "half the body",
    "The server at good.test sent nothing for 0.05 s.",
    { stallMs: 50 },
    (_, response) => response.writeHead(200, { "content-length": 10 }).write("half"),
  ],
  [
    "all in all",
    "The file did not arrive within 0.2 s.",
    { totalMs: 200 },
    (_, response) => response.write("half"),
  ],
])("S2: a server that sends %s in time is given up", async (_title, detail, timeLimits, answer) => {
  internet.answer(answer);
  const outcome = read("https://good.test/", opener(timeLimits));
  await expect(outcome).rejects.toMatchObject({ code: "url_too_slow", message: detail });
});

test.each<[string, Parameters<typeof createUrlOpener>[0]]>([
  ["name server", { resolve: () => new Promise(() => undefined) }],
  ["host", { resolve: async () => [ADDRESS], dial: () => new Socket() }],
])("S2: a %s that never answers is given up", async (_title, network) => {
  const open = createUrlOpener({ ...network, timeLimits: { answerMs: 50 } });
  await expect(read(undefined, open)).rejects.toMatchObject({
    code: "url_too_slow",
    message: "The server at good.test did not answer within 0.05 s.",
  });
});

const endless: RequestListener = (_request, response) => {
  const send = () => {
    while (response.write(Buffer.alloc(65_536)));
  };
  response.on("drain", send);
  send();
};

test("S2: an endless body is not read further than its reader goes", async () => {
  internet.answer(endless);
  let bytes = 0;
  for await (const chunk of await opener()("https://good.test/", { signal })) {
    bytes += chunk.length;
    if (bytes > 200_000) break;
  }
  await until("the connection is closed", () => internet.openSockets.size === 0);
});

test("S2: a file that is declared too large is refused before its body", async () => {
  internet.answer((_request, response) => response.writeHead(200, { "content-length": 1001 }).flushHeaders());
  await expect(read()).rejects.toBeInstanceOf(ObjectTooLarge);
});

test("an opened file that nobody reads is closed by its time limit or by hand", async () => {
  internet.answer(endless);
  const file = await opener()("https://good.test/", { signal });
  file.close();
  await until("the connection is closed", () => internet.openSockets.size === 0);
  await expect(buffer(file)).rejects.toThrow();
  await opener({ totalMs: 200 })("https://good.test/", { signal }).catch(() => undefined);
  await until("the connection is closed", () => internet.openSockets.size === 0);
});

test.each<[string, RequestListener]>([
  ["headers", () => undefined],
  ["body", endless],
])("aborting while the %s are awaited ends the fetch with the caller's reason", async (_title, answer) => {
  const controller = new AbortController();
  const reason = new Error("the caller is gone");
  const arrived = new Promise<void>((done) =>
    internet.answer((request, response) => {
      answer(request, response);
      done();
    }),
  );
  const outcome = opener()("https://good.test/", { signal: controller.signal }).then(buffer);
  const refused = expect(outcome).rejects.toBe(reason);
  await arrived;
  controller.abort(reason);
  await refused;
  await expect(opener()("https://good.test/", { signal: controller.signal })).rejects.toBe(reason);
});

test.each<[string, (socket: Socket, abort: () => void) => void]>([
  ["dialled", (_socket, abort) => abort()],
  ["connected", (socket, abort) => socket.once("connect", abort)],
  ["secured", (socket, abort) => socket.once("connect", () => setImmediate(abort))],
])("aborting while a connection is %s closes it", async (_title, during) => {
  const controller = new AbortController();
  const reason = new Error("the caller is gone");
  const dialled: Socket[] = [];
  const open = createUrlOpener({
    ...internet,
    dial(address, port) {
      const socket = internet.dial(address, port);
      dialled.push(socket);
      during(socket, () => controller.abort(reason));
      return socket;
    },
  });
  await expect(open("https://good.test/", { signal: controller.signal })).rejects.toBe(reason);
  expect(dialled.map((socket) => socket.destroyed)).toEqual([true]);
});
