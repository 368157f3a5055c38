import type { RequestListener } from "node:http";
import { connect } from "node:net";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type SmallInternet, startSmallInternet } from "../../test/support/small-internet.ts";
import { until } from "../../test/support/until.ts";
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
  expect(internet.canaryHits.splice(0)).toEqual([]);
});
afterAll(() => internet.stop());

const read = async (url: string, open = createUrlOpener(internet)) => buffer(await open(url, { signal }));

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
  await expect(read("https://good.test/a?secret=x")).rejects.toMatchObject({
    code: "url_unreachable",
    message: detail,
  });
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
