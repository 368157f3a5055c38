import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { HOSTILE_ANSWERS, HOSTILE_FIRST_URLS, HOSTILE_URLS } from "../../test/support/hostile-urls.ts";
import { type SmallInternet, startSmallInternet } from "../../test/support/small-internet.ts";
import { until } from "../../test/support/until.ts";
import { createUrlOpener, type OpenUrl } from "./open-url.ts";

const GOOD = ["93.184.215.14", "2606:4700::1111"];
const { signal } = new AbortController();
let internet: SmallInternet;
let openUrl: OpenUrl;

beforeAll(async () => {
  internet = await startSmallInternet({ publicAddresses: GOOD, certified: ["good.test", "*.evil.test"] });
  openUrl = createUrlOpener(internet);
  internet.zone.set("good.test", [GOOD]);
  for (const [name, answer] of Object.entries(HOSTILE_ANSWERS))
    internet.zone.set(`${name}.evil.test`, [answer]);
  // /to/0/<url> redirects to the URL at once, /to/1/<url> by way of itself.
  internet.answer(({ url = "" }, response) => {
    const [, more, target = ""] = /^\/to\/(\d)\/(.*)$/.exec(url) ?? [];
    if (more === undefined) return response.end("a file");
    const next = Number(more) ? `/to/${Number(more) - 1}/${target}` : decodeURIComponent(target);
    response.writeHead(302, { location: Buffer.from(next).toString("latin1") }).end();
  });
});

afterEach(() => expect(internet.canaryHits.splice(0)).toEqual([]));
afterAll(() => internet.stop());

const codeOf = (url: string) =>
  openUrl(url, { signal }).then(
    (file) => {
      file.close();
      return "opened";
    },
    (error) => error.code,
  );

test("S2: there are at least 120 hostile URLs, all different", () => {
  const all = [...HOSTILE_URLS, ...HOSTILE_FIRST_URLS];
  expect(new Set(all).size).toBe(all.length);
  expect(all.length).toBeGreaterThanOrEqual(120);
});

test("S2: any address but the web server's leads to the canary, which counts", async () => {
  for (const [address, port] of [
    ["10.0.0.1", 443],
    ["93.184.215.14", 80],
  ] as const) {
    const socket = internet.dial(address, port);
    await until("the canary has seen it", () => internet.canaryHits.length === 1);
    socket.destroy();
    internet.canaryHits.length = 0;
  }
});

test.each([...HOSTILE_URLS, ...HOSTILE_FIRST_URLS])("S2: %j is refused and reaches nothing", async (url) => {
  expect(await codeOf(url)).toBe("url_not_allowed");
});

test.each(HOSTILE_URLS)(
  "S2: a redirect to %j is refused, at the first hop and at the second",
  async (url) => {
    for (const more of [0, 1])
      expect(await codeOf(`https://good.test/to/${more}/${encodeURIComponent(url)}`)).toBe("url_not_allowed");
  },
);

test.each(Object.keys(HOSTILE_ANSWERS))(
  "S2: a name whose answer is %s is refused everywhere",
  async (name) => {
    const url = `https://${name}.evil.test/`;
    expect(await codeOf(url)).toBe("url_not_allowed");
    for (const more of [0, 1])
      expect(await codeOf(`https://good.test/to/${more}/${encodeURIComponent(url)}`)).toBe("url_not_allowed");
  },
);

test("S2: a name is resolved once per hop, and the address that was checked is connected to", async () => {
  internet.zone.set("rebind.evil.test", [GOOD, ["127.0.0.1", "::1"]]);
  internet.lookups.length = 0;
  expect(await codeOf("https://rebind.evil.test/")).toBe("opened");
  expect(internet.lookups).toEqual(["rebind.evil.test"]);
});

test("S2: a name that turns private between two hops is refused", async () => {
  internet.zone.set("turn.evil.test", [GOOD, ["127.0.0.1"]]);
  internet.lookups.length = 0;
  expect(await codeOf("https://turn.evil.test/to/0/%2Fsecret")).toBe("url_not_allowed");
  expect(internet.lookups).toEqual(["turn.evil.test", "turn.evil.test"]);
});

test("S2: the refusal is the same, whatever is at the private address", async () => {
  const details = new Set<string>();
  for (const answer of [
    ["127.0.0.1"],
    ["10.9.8.7"],
    ["169.254.169.254"],
    ["::1"],
    [...GOOD, "192.168.0.1"],
  ]) {
    internet.zone.set("probe.evil.test", [answer]);
    details.add(await openUrl("https://probe.evil.test/", { signal }).catch((error) => error.message));
  }
  expect([...details]).toEqual(["The host probe.evil.test has an address that is not public."]);
});

test("S2: the resolver and the sockets of the system are guarded alike", async () => {
  const openForReal = createUrlOpener();
  for (const host of ["localhost", "127.0.0.1", "[::1]"])
    await expect(openForReal(`https://${host}/`, { signal })).rejects.toMatchObject({
      code: "url_not_allowed",
    });
});
