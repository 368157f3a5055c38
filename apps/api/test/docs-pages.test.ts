import { ERROR_CODES, ERRORS } from "@avatar/contract/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const get = (path: string) => fetch(new URL(path, api.url));

test.each(ERROR_CODES)("the page about %s says what it is and what to do", async (code) => {
  const page = await get(`/docs/errors/${code}`);
  const text = await page.text();
  expect(page.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  for (const part of [code, `HTTP ${ERRORS[code].status}`, ERRORS[code].title, ERRORS[code].hint])
    expect(text).toContain(part);
});

test.each(["nope", "constructor", "__proto__"])("there is no page about %s", async (code) => {
  const page = await get(`/docs/errors/${code}`);
  expect([page.status, ((await page.json()) as { code: string }).code]).toEqual([404, "not_found"]);
});
