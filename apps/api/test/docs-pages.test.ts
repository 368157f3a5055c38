import { createHash } from "node:crypto";
import { ERROR_CAUSES } from "@avatar/contract/error-causes";
import { ERROR_CODES, ERRORS, errorDocsPath } from "@avatar/contract/errors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { throughBothDoors } from "./support/doors.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const get = (path: string, accept = "*/*") => fetch(new URL(path, api.url), { headers: { accept } });
const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/** What a browser shows: tags are left out, and characters are what they stand for. */
const shown = (html: string) =>
  html
    .replace(/<style>.*<\/style>/s, "")
    .replace(/<[^>]*>/g, "")
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(code));

describe.each(ERROR_CODES)("the page about %s", (code) => {
  const { status, title, hint } = ERRORS[code];
  const cause = ERROR_CAUSES[code];

  test("says in text what it is, why and what to do", async () => {
    const page = await get(errorDocsPath(code));
    expect(page.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    const text = await page.text();
    for (const part of [code, `HTTP ${status}`, title, cause, hint]) expect(text).toContain(part);
  });

  test("shows a browser the same, and the way to its neighbours and to all errors", async () => {
    const page = await get(errorDocsPath(code), BROWSER);
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    const html = await page.text();
    for (const part of [code, String(status), title, cause, hint])
      expect(shown(html)).toContain(part.replaceAll("`", ""));
    const links = [...html.matchAll(/href="([^"]*)"/g)].map((match) => String(match[1]));
    expect(links).toContain("/docs/errors");
    expect(links.length).toBeGreaterThan(1);
    for (const link of links) expect((await get(link, BROWSER)).status).toBe(200);
  });

  test("needs nothing that its own policy does not let it have", async () => {
    const page = await get(errorDocsPath(code), BROWSER);
    const html = await page.text();
    const [, style = ""] = /<style>(.*)<\/style>/s.exec(html) ?? [];
    const hash = createHash("sha256").update(style).digest("base64");
    const policy = page.headers.get("content-security-policy")?.split("; ");
    expect(policy?.slice(0, 2)).toEqual(["default-src 'none'", `style-src 'sha256-${hash}'`]);
    expect(html).not.toMatch(/<(script|link|img|iframe|form)|\s(src|style|on\w+)=|https?:|@import|url\(/i);
  });
});

test("the index leads to the page of every code", async () => {
  const html = await (await get("/docs/errors", BROWSER)).text();
  const text = await (await get("/docs/errors")).text();
  for (const code of ERROR_CODES) {
    expect(html).toContain(`href="/docs/errors/${code}"`);
    expect(text).toContain(`${ERRORS[code].status} ${code}: ${ERRORS[code].title}\n`);
  }
});

test("caches are told that there are two", async () => {
  for (const path of ["/docs/errors", "/docs/errors/no_face"])
    expect((await get(path)).headers.get("vary")).toBe("accept");
});

test("the catalogue as JSON has all that the pages have", async () => {
  const { body } = await throughBothDoors(api, "errors.list", { input: {} });
  const byCode = Object.fromEntries(body.items.map((item: { code: string }) => [item.code, item]));
  expect(Object.keys(byCode).toSorted()).toEqual(ERROR_CODES.toSorted());
  expect(body.items).toHaveLength(ERROR_CODES.length);
  for (const code of ERROR_CODES)
    expect(byCode[code]).toEqual({
      code,
      ...ERRORS[code],
      cause: ERROR_CAUSES[code],
      docs: errorDocsPath(code),
    });
});

test.each(["nope", "constructor", "__proto__", "<script>"])("there is no page about %s", async (code) => {
  const page = await get(`/docs/errors/${encodeURIComponent(code)}`, BROWSER);
  expect([page.status, ((await page.json()) as { code: string }).code]).toEqual([404, "not_found"]);
});
