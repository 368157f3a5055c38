import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ERROR_CODES } from "@avatar/contract/errors";
import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, expect, test } from "vitest";
import { quickstart } from "../src/docs/quickstart.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
let html: string;
let operations: { path: string; method: string; operationId: string; summary: string; security: object[] }[];
beforeAll(async () => {
  api = await startTestApi();
  html = await text("/docs");
  const { paths } = JSON.parse(await text("/openapi.json"));
  operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods as object).map(([method, operation]) => ({ ...operation, path, method })),
  );
});
afterAll(() => api.stop());

const text = async (path: string) => (await fetch(new URL(path, api.url))).text();

/** The part of the page about one operation. */
const articleOf = (operationId: string) =>
  new RegExp(`<article id="${operationId}".*?</article>`, "s").exec(html)?.[0] ?? "";

test("every operation is on the page once, with three examples and a form", () => {
  expect(operations.length).toBeGreaterThan(20);
  for (const { path, method, operationId, summary, security } of operations) {
    const article = articleOf(operationId);
    expect(article.split('<pre class="sample ')).toHaveLength(4);
    expect(article).toContain(`${method.toUpperCase()} ${path}`);
    expect(article).toContain(summary.replaceAll("'", "&#39;"));
    expect(article).toContain(`data-method="${method.toUpperCase()}"`);
    expect(article.includes("$AVATAR_API_KEY")).toBe(security.length > 0);
    expect(html.match(new RegExp(`href="#${operationId}"`, "g"))?.length).toBeGreaterThan(0);
  }
});

test("what is linked to on this server is there", async () => {
  const links = new Set([...html.matchAll(/(?:href|src)="(\/[^"]*)"/g)].map((match) => String(match[1])));
  expect(links.size).toBeGreaterThan(20);
  for (const link of links) expect([link, (await fetch(new URL(link, api.url))).status]).toEqual([link, 200]);
});

test("each link within the page leads to one place", () => {
  const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map((match) => String(match[1]));
  expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
  for (const [, id = ""] of html.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(id);
});

test("the page needs nothing that its own policy does not let it have", async () => {
  const page = await fetch(new URL("/docs", api.url));
  const [, style = ""] = /<style>(.*)<\/style>/s.exec(html) ?? [];
  const hash = createHash("sha256").update(style).digest("base64");
  expect(page.headers.get("content-security-policy")?.split("; ").slice(0, 4)).toEqual([
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    "script-src 'self'",
    "connect-src 'self'",
  ]);
  const tags = html.replace(/>[^<]*</g, "><");
  expect(tags).not.toMatch(/<(link|img|iframe)|\s(style|on\w+)=|<script>|src="http|@import|url\(/i);
});

test("llms.txt tells of every operation, every error and the limits", async () => {
  const page = await text("/llms.txt");
  for (const { path, method, summary } of operations)
    expect(page).toContain(`- \`${method.toUpperCase()} ${path}\`: ${summary}.`);
  for (const code of ERROR_CODES) expect(page).toContain(`- \`${code}\` (`);
  expect(page).toContain(`from ${LIMITS.audio.minSeconds} to ${LIMITS.audio.maxSeconds} seconds`);
  expect(page).toContain("deleted 6 hours after it was made");
});

test("docs/quickstart.md has the programs that the page has", async () => {
  const page = await readFile(new URL("../../../docs/quickstart.md", import.meta.url), "utf8");
  for (const program of Object.values(quickstart("http://127.0.0.1:8787"))) expect(page).toContain(program);
});
