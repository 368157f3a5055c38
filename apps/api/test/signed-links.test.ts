import { afterEach, beforeEach, expect, test } from "vitest";
import { applySetup } from "../src/storage/r2-setup.ts";
import { PORTRAIT } from "./support/fixtures.ts";
import { aJobInput } from "./support/refusals.ts";
import { isProof } from "./support/seeded-random.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

const SIX_HOURS_MS = 6 * 3_600_000;

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi();
});
afterEach(() => api.stop());

async function resultLink(settings = {}): Promise<string> {
  const { body } = await api.rest("POST", "/v1/jobs", { ...(await aJobInput(api)), ...settings });
  const done = await api.rest("GET", `/v1/jobs/${body.id}?wait=30&after=99`);
  expect(done.body.status).toBe("succeeded");
  return (await api.rest("GET", `/v1/jobs/${body.id}/result`)).body.url;
}
async function uploadLink(): Promise<{ url: string; headers: Record<string, string> }> {
  const { body } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
  return body;
}

/** Each character behind the host replaced by others, and left out. */
function* changesOf(url: string): Generator<string> {
  const start = url.indexOf("/", "https://".length) + 1;
  for (let at = start; at < url.length; at++) {
    const [before, character = "", after] = [url.slice(0, at), url[at], url.slice(at + 1)];
    const flipped = character === character.toUpperCase() ? character.toLowerCase() : character.toUpperCase();
    const others = isProof ? [..."0aA_%&=/.", flipped, ""] : [character === "0" ? "1" : "0", flipped];
    for (const other of others) if (other !== character) yield before + other + after;
  }
}

/** For example `%2F` for `%2f`: the link says the same. */
const meaning = (url: string) => {
  try {
    return decodeURIComponent(url.replaceAll("+", "%2B"));
  } catch {
    return url;
  }
};

test("S1: a link in which any one character is changed is refused", async () => {
  const links = [
    { url: await resultLink(), init: {} },
    {
      url: (await uploadLink()).url,
      init: { method: "PUT", body: "abc", headers: (await uploadLink()).headers },
    },
  ];
  for (const { url, init } of links) {
    const changed = [...changesOf(url)].filter((other) => meaning(other) !== meaning(url));
    expect(changed.length).toBeGreaterThan(url.length - 60);
    const answers = await Promise.all(
      changed.map(async (other) => {
        const { status, body } = await fetch(other, init);
        await body?.cancel();
        return { other, status };
      }),
    );
    expect(answers.filter(({ status }) => status < 400)).toEqual([]);
  }
  expect(await api.database.objects("uploads/")).toHaveLength(2);
}, 600_000);

test("S1: a link to a video is dead at six hours, and not before", async () => {
  const url = await resultLink();
  api.advance(SIX_HOURS_MS - 5000);
  expect((await fetch(url)).status).toBe(200);
  api.advance(5000);
  expect((await fetch(url)).status).toBe(403);
});

test("S1: a link never outlives its video", async () => {
  const url = await resultLink({ ttlSeconds: 60 });
  api.advance(60_000);
  expect((await fetch(url)).status).toBe(403);
});

test("a browser on any page may upload through a link, and download", async () => {
  const { r2 } = api.database;
  if (r2) await applySetup(r2, { videoTtlSeconds: 60, queueTimeoutMs: 60_000 }, () => {});
  const origin = "https://app.example.com";
  const { headers: exposed } = await fetch(await resultLink(), { headers: { origin } });
  expect(exposed.get("access-control-allow-origin")).toBe("*");

  const { body } = await api.rest("POST", "/v1/uploads", {
    contentType: "image/png",
    bytes: PORTRAIT.length,
  });
  const preflight = await fetch(body.url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "PUT",
      "access-control-request-headers": Object.keys(body.headers).join(",").toLowerCase(),
    },
  });
  expect(preflight.ok).toBe(true);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  expect(preflight.headers.get("access-control-allow-methods")).toContain("PUT");
  const allowed = preflight.headers.get("access-control-allow-headers")?.toLowerCase() ?? "";
  for (const name of Object.keys(body.headers)) expect(allowed).toContain(name.toLowerCase());

  const put = await fetch(body.url, { method: "PUT", headers: { ...body.headers, origin }, body: PORTRAIT });
  expect([put.status, put.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
});
