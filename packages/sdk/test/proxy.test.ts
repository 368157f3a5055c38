import { ERRORS } from "@avatar/contract/errors";
import { expect, test, vi } from "vitest";
import { Avatar, type Job } from "../src/index.ts";
import { createProxy } from "../src/proxy.ts";
import { waitFor } from "./support/fake-api.ts";
import { errorOf, statesOf } from "./support/use-fake-api.ts";
import { files, pageOf, uploaded, useProxy } from "./support/use-proxy.ts";

const given = useProxy();
const { ask, post } = given;

test("a page generates a video with neither a key nor the API's address", async () => {
  const generation = pageOf("ada").generate({ ...(await files()), metadata: { order: "7" } });
  expect((await statesOf(generation)).at(-1)).toBe("succeeded");
  const video = await generation;
  expect((await video.blob()).size).toBe(video.bytes);
  expect(generation.job?.metadata).toEqual({ order: "7", user: "ada" });
  expect(given.errors).toEqual([]);
});

test("a path is an address in a page alone", async () => {
  vi.stubGlobal("location", undefined);
  for (const baseUrl of ["/api/avatar", "//app.example/api/avatar", "api/avatar"])
    expect(await errorOf(new Avatar({ baseUrl, apiKey: "avk_1" }).jobs.list())).toMatchObject({
      code: "invalid_input",
      detail: "The address of the API is missing, or no http(s) address.",
    });
});

test("a page resumes, cancels, and asks for limits and an estimate", async () => {
  given.api.engine.scripts.push({ hold: new Promise(() => {}) });
  const page = pageOf("ada");
  const input = await uploaded();
  const generation = page.generate(input);
  const resumed = page.resume(await generation.id);
  await generation.cancel();
  expect(await errorOf(resumed)).toMatchObject({ code: "job_canceled" });
  expect((await ask("/v1/limits")).body).toMatchObject({ engine: "scripted" });
  const estimate = await post("/v1/estimate", input);
  expect(estimate.body).toMatchObject({ audioSeconds: 2.99 });
});

test("the events of a job come through as they happen", async () => {
  let release = () => {};
  given.api.engine.scripts.push({ hold: new Promise((resolve) => (release = resolve)) });
  const { id } = await pageOf("ada").jobs.create(await uploaded());
  const response = await fetch(`${given.app.url}/api/avatar/v1/jobs/${id}/events`, {
    headers: { cookie: "session=ada" },
  });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  const reader = (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes('"status":"running"')) seen += (await reader.read()).value ?? "";
  release();
  while (!seen.includes('"status":"succeeded"')) seen += (await reader.read()).value ?? "";
  await reader.cancel();
});

test("a user sees another's job as one that is not there, and cannot end it", async () => {
  given.api.engine.scripts.push({ hold: new Promise(() => {}) });
  const { id } = await pageOf("ada").jobs.create(await uploaded());
  const paths = [
    `/v1/jobs/${id}`,
    `/v1/jobs/${id}?wait=30`,
    `/v1/jobs/${id}/result`,
    `/v1/jobs/${id}/events`,
  ];
  const strip = ({ text, headers, status }: Awaited<ReturnType<typeof ask>>) => {
    const named = [...headers].filter(([name]) => !["date", "x-request-id"].includes(name));
    return { status, named, text: text.replace(/req_\w+/, "req_") };
  };
  for (const path of paths) {
    const missing = strip(await ask(path.replace(id, "job_none"), { user: "eve" }));
    expect(missing).toMatchObject({ status: 404, text: expect.stringContaining("job_not_found") });
    expect(strip(await ask(path, { user: "eve" }))).toEqual(missing);
  }
  const cancel = await ask(`/v1/jobs/${id}/cancel`, { method: "POST", user: "eve" });
  expect(cancel.status).toBe(404);
  expect(given.asked.filter(({ method }) => method === "POST").map(({ path }) => path)).not.toContain(
    `/v1/jobs/${id}/cancel`,
  );
  await pageOf("ada").jobs.cancel(id);
});

test("jobs that the server makes for a user are the user's, and its other jobs are nobody's", async () => {
  const input = await uploaded();
  const server = new Avatar({ apiKey: given.api.apiKey, baseUrl: given.api.url });
  const own = await server.jobs.create({ ...input, metadata: { user: "ada" } });
  const other = await server.jobs.create(input);
  expect((await pageOf("ada").jobs.get(own.id)).id).toBe(own.id);
  expect(await errorOf(pageOf("ada").jobs.get(other.id))).toMatchObject({ code: "job_not_found" });
});

test("nobody can make a job in another's name", async () => {
  const input = { ...(await uploaded()), metadata: { user: "ada" } };
  const { id, metadata } = (await post("/v1/jobs", input, {}, "eve")).body;
  expect(metadata).toEqual({ user: "eve" });
  expect((await ask(`/v1/jobs/${id}`)).status).toBe(404);
});

test("an Idempotency-Key is the user's own", async () => {
  const input = await uploaded();
  const make = async (user: string): Promise<Job> =>
    (await post("/v1/jobs", input, { "idempotency-key": "order-7" }, user)).body;
  const [first, again, others] = [await make("ada"), await make("ada"), await make("eve")];
  expect(again.id).toBe(first.id);
  expect(others.id).not.toBe(first.id);
  expect(others.metadata).toEqual({ user: "eve" });
});

test.each([
  ["is not signed in", ""],
  ["cannot be looked up", "nobody"],
])("who %s gets 401, and the API is not asked", async (_, user) => {
  const answer = await ask("/v1/limits", { user });
  expect(answer.status).toBe(401);
  expect(answer.body).toMatchObject({
    code: "unauthorized",
    title: ERRORS.unauthorized.title,
    docs: "/docs/errors/unauthorized",
    requestId: answer.headers.get("x-request-id"),
  });
  expect(answer.text).not.toContain("secret");
  expect(given.asked).toEqual([]);
  expect(given.errors.map(String)).toEqual(user ? ["Error: the secret address of the session store"] : []);
});

test.each([true, 7, {}, ["ada"]])("an authorize that returns %j lets nobody in", async (user) => {
  const proxy = createProxy({
    apiKey: given.api.apiKey,
    baseUrl: given.api.url,
    authorize: () => user as never,
  });
  expect((await proxy(new Request(`${given.app.url}/v1/limits`))).status).toBe(401);
});

test("the API sees neither cookies nor the page's own headers, and the page sees no key", async () => {
  const answer = await ask("/v1/limits", {
    headers: {
      authorization: "Bearer avk_live_of_the_page",
      "x-api-key": "avk_live_of_the_page",
      "x-forwarded-for": "10.0.0.1",
      "x-team": "red",
      accept: "application/json",
    },
  });
  const [{ headers } = { headers: new Headers() }] = given.asked;
  expect(Object.fromEntries(headers)).toEqual({
    accept: "application/json",
    authorization: `Bearer ${given.api.apiKey}`,
  });
  const known = ["cache-control", "content-type", "x-content-type-options", "x-request-id"];
  const transport = ["connection", "date", "keep-alive", "transfer-encoding"];
  expect([...answer.headers.keys()].filter((name) => ![...known, ...transport].includes(name))).toEqual([]);
  expect(JSON.stringify([...answer.headers]) + answer.text).not.toContain(given.api.apiKey);
});

test("an abort in the page ends the request to the API", async () => {
  given.api.engine.scripts.push({ hold: new Promise(() => {}) });
  const page = pageOf("ada");
  const { id } = await page.jobs.create(await uploaded());
  const controller = new AbortController();
  const poll = errorOf(page.jobs.get(id, { wait: 30, after: 99, signal: controller.signal }));
  await waitFor(() => given.asked.some(({ path }) => path.includes("wait=30")));
  controller.abort();
  expect(await poll).toMatchObject({ code: "aborted" });
  await waitFor(() =>
    given.asked.some(({ path, signal }) => path.includes("wait=30") && signal?.aborted === true),
  );
  expect(given.errors).toEqual([]);
  await page.jobs.cancel(id);
});

test("a key that is no good is for the operator to know", async () => {
  const seen: unknown[] = [];
  const proxy = createProxy({
    apiKey: `${given.api.apiKey.slice(0, -1)}0`,
    baseUrl: given.api.url,
    authorize: () => "ada",
    onError: (error) => seen.push(error),
  });
  const answer = await proxy(new Request(`${given.app.url}/v1/limits`));
  expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([500, "internal"]);
  expect(seen).toMatchObject([{ code: "http_401", status: 401 }]);
});

test.each([
  ["is missing", "", "internal"],
  ["leads nowhere", "http://127.0.0.1:1", "unavailable"],
])(
  "where the API's address %s, the page gets a problem that says nothing of it",
  async (_, baseUrl, code) => {
    const seen: unknown[] = [];
    const onError = (error: unknown) => seen.push(error);
    const proxy = createProxy({ apiKey: given.api.apiKey, baseUrl, authorize: () => "ada", onError });
    const answer = await proxy(new Request(`${given.app.url}/v1/limits`));
    const text = await answer.text();
    expect(JSON.parse(text).code).toBe(code);
    expect(text).not.toContain("127.0.0.1");
    expect(seen).toHaveLength(1);
  },
);

test.each<[string, () => void]>([
  ["throws", () => expect.fail("no log")],
  ["rejects", async () => expect.fail("no log")],
])("an `onError` that %s spoils neither the answer nor the process", async (_, onError) => {
  const unhandled = vi.fn();
  process.on("unhandledRejection", unhandled);
  const authorize = () => expect.fail("no session");
  for (const options of [{ authorize }, { authorize: () => "ada", baseUrl: "http://127.0.0.1:1" }]) {
    const proxy = createProxy({ apiKey: "avk_1", onError, ...options });
    const { status } = await proxy(new Request(`${given.app.url}/v1/limits`));
    expect(status).toBe("baseUrl" in options ? 503 : 401);
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", unhandled);
  expect(unhandled).not.toHaveBeenCalled();
});

test.each<[number, Record<string, string>]>([
  [302, { location: "http://evil.example/" }],
  [502, { "content-type": "text/html" }],
])("an answer %i that is not the API's does not reach the page", async (status, headers) => {
  const proxy = createProxy({
    apiKey: given.api.apiKey,
    baseUrl: given.api.url,
    authorize: () => "ada",
    fetch: async () => new Response("<script>evil()</script>", { status, headers }),
  });
  const answer = await proxy(new Request(`${given.app.url}/v1/limits`));
  expect([answer.status, answer.headers.get("location")]).toEqual([503, null]);
  expect(await answer.text()).not.toContain("evil");
});
