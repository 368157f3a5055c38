import type { IncomingMessage } from "node:http";
import { buffer } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type SmallInternet, startSmallInternet } from "../../test/support/small-internet.ts";
import { until } from "../../test/support/until.ts";
import { createUrlOpener, type OpenUrl } from "./open-url.ts";

const IPV4 = "93.184.215.14";
const IPV6 = "2606:4700::1111";
const NAMES = [
  "good.test",
  "cdn.good.test",
  "bücher.test",
  "例え.test",
  "xn--mgba3gch31f.test",
  "a.b.c.d.good.test",
];
const FILE = Buffer.from(Array.from({ length: 300_000 }, (_, at) => (at * 7919) >>> 5));
const { signal } = new AbortController();
const ascii = (name: string) => new URL(`https://${name}`).hostname;

/** Given as they are. The server says by the path what it does. */
const GOOD_URLS = [
  ..."https://good.test https://good.test/ https://good.test:443/ HTTPS://GOOD.TEST/ https://good.test./".split(
    " ",
  ),
  ..."https://good.test./chunked https://good.test/portrait.jpg https://good.test/a/b/c/../d.png".split(" "),
  ..."https://good.test/?token=a%20b&x=/../ https://good.test?only=query https://good.test/%2e%2e/%2f".split(
    " ",
  ),
  ..."https://good.test/a;b=c,d https://good.test/@user https://good.test/x?u=a@b:c https://good.test/#part".split(
    " ",
  ),
  ..."https://good.test/http://127.0.0.1/ https://good.test/?url=http://169.254.169.254/ https://good.test//x".split(
    " ",
  ),
  ..."https://good.test/été.png https://good.test/?q=été https://good.test/%C3%A9 https://good.test/a+b".split(
    " ",
  ),
  ..."https://good.test\\back\\slashes https://cdn.good.test/ https://CDN.good.test/chunked".split(" "),
  ..."https://a.b.c.d.good.test/ https://ｇｏｏｄ.test/ https://good。test/ https://g%6fod.test/".split(" "),
  ..."https://bücher.test/ https://BÜCHER.test/chunked https://xn--bcher-kva.test/ https://例え.test/".split(
    " ",
  ),
  ..."https://例え。test/ https://xn--mgba3gch31f.test/".split(" "),
  ` https://good.test/spaces `,
  `https://good.test/${"long/".repeat(1000)}?${"x".repeat(2000)}`,
  // Addresses
  `https://${IPV4}/ https://${IPV4}/chunked https://${IPV4}./ https://0x5d.0xb8.0xd7.0xe/ https://1572394766/`.split(
    " ",
  ),
  `https://[${IPV6}]/ https://[${IPV6}]/chunked https://[2606:4700:0:0::1111]:443/`.split(" "),
  "https://six.test/ https://both.test/".split(" "),
  // Redirects
  ...[301, 302, 303, 307, 308].map((status) => `https://good.test/to/${status}?%2Fmoved`),
  ..."https://good.test/to/302?moved https://good.test/to/302?..%2F..%2Fmoved https://good.test/to/302?%3Fq".split(
    " ",
  ),
  ..."https://good.test/to/302?%2F%2Fcdn.good.test%2Fx https://good.test/to/302?https:%2Fmoved".split(" "),
  ...[
    "https://cdn.good.test/x",
    "https://bücher.test/é",
    `https://[${IPV6}]/`,
    "https://both.test/to/307?%2Fchunked",
  ].map((url) => `https://good.test/to/302?${encodeURIComponent(url)}`),
  `https://good.test/to/301?${encodeURIComponent("/to/302?%2Fto%2F303%3F%252Fend")}`,
].flat();

let internet: SmallInternet;
let openUrl: OpenUrl;
let requests: IncomingMessage[] = [];

beforeAll(async () => {
  internet = await startSmallInternet({
    publicAddresses: [IPV4, IPV6],
    certified: [...NAMES.map(ascii), "six.test", "both.test", IPV4, IPV6],
  });
  for (const name of NAMES) internet.zone.set(ascii(name), [[IPV4]]);
  internet.zone.set("six.test", [[IPV6]]);
  internet.zone.set("both.test", [[IPV4, IPV6]]);
  internet.answer((request, response) => {
    requests.push(request);
    const [, status, target = ""] = /^\/to\/(\d+)\?(.*)$/.exec(request.url ?? "") ?? [];
    if (status) {
      const location = Buffer.from(decodeURIComponent(target)).toString("latin1");
      return response.writeHead(Number(status), { location }).end("moved");
    }
    if (request.url !== "/chunked") response.setHeader("content-length", FILE.length);
    response.write(FILE.subarray(0, 100_000));
    response.end(FILE.subarray(100_000));
  });
  openUrl = createUrlOpener(internet);
});

afterEach(async () => {
  await until("every connection is closed", () => internet.openSockets.size === 0);
  expect(internet.canaryHits.splice(0)).toEqual([]);
  requests = [];
});
afterAll(() => internet.stop());

async function download(url: string, open = openUrl) {
  const file = await open(url, { signal, maxBytes: FILE.length });
  return { bytes: file.bytes, body: await buffer(file) };
}

test("S2: there are at least 50 good URLs, all different", () => {
  expect(new Set(GOOD_URLS).size).toBe(GOOD_URLS.length);
  expect(GOOD_URLS.length).toBeGreaterThanOrEqual(50);
});

test.each(GOOD_URLS)("S2: %j is fetched, byte by byte", async (url) => {
  const { bytes, body } = await download(url);
  expect(body.equals(FILE)).toBe(true);
  expect(bytes).toBe(requests.at(-1)?.url === "/chunked" ? undefined : FILE.length);
});

test("the server is told the host, the path and nothing about the caller", async () => {
  await download("https://bücher.test./a%20b?token=x#part");
  const [request] = requests;
  expect(request?.method).toBe("GET");
  expect(request?.url).toBe("/a%20b?token=x");
  expect(request?.headers).toEqual({
    host: "xn--bcher-kva.test",
    "user-agent": "avatar",
    accept: "*/*",
    "accept-encoding": "identity",
    connection: "close",
  });
});
