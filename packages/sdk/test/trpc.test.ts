import { startTestApi, type TestApi } from "@avatar/api/testing";
import type { TRPCClientError } from "@trpc/client";
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { AbortedError, ApiError, AvatarError, ConnectionError } from "../src/index.ts";
import {
  type AvatarRouter,
  createAvatarTrpcClient,
  type TrpcClientOptions,
  toAvatarError,
} from "../src/trpc.ts";
import { waitFor } from "./support/fake-api.ts";
import { errorOf } from "./support/use-fake-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

interface Sent {
  path: string;
  headers: Record<string, string>;
  signal: AbortSignal | null | undefined;
}
/** What happens to a request instead of, or after, being sent. */
type Fault = (send: () => Promise<Response>) => Promise<Response>;

let sent: Sent[] = [];
let faults: Fault[] = [];
beforeEach(() => {
  sent = [];
  faults = [];
});

const createClient = (options: TrpcClientOptions = {}) =>
  createAvatarTrpcClient({
    apiKey: api.apiKey,
    baseUrl: api.url,
    retry: { maxDelayMs: 1 },
    async fetch(url, init) {
      const { pathname } = new URL(url);
      sent.push({ path: pathname, headers: init.headers as Record<string, string>, signal: init.signal });
      const send = () => fetch(url, init);
      return (faults.shift() ?? ((go) => go()))(send);
    },
    ...options,
  });

const lostReply: Fault = async (send) => {
  await send();
  throw new TypeError("fetch failed");
};
const answer =
  (status: number, headers: Record<string, string>, body = "{}"): Fault =>
  async () =>
    new Response(body, { status, headers });
/** The stream breaks off after so many events. */
const breakAfter =
  (count: number): Fault =>
  async (send) => {
    const response = await send();
    const reader = response.body?.getReader();
    let text = "";
    const body = new ReadableStream({
      async pull(out) {
        if (text.split("\nid:").length > count) {
          await reader?.cancel();
          return out.error(new TypeError("terminated"));
        }
        const { value } = (await reader?.read()) ?? {};
        text += new TextDecoder().decode(value);
        out.enqueue(value);
      },
    });
    return new Response(body, response);
  };

/** Keeps the next run going until the returned function is called. */
function holdNextRun() {
  const { promise, resolve } = Promise.withResolvers<void>();
  api.engine.scripts.push({ hold: promise });
  onTestFinished(() => resolve());
  return resolve;
}

const countJobs = async () => (await createClient().jobs.list.query({ limit: 100 })).items.length;

test("a job goes from its files to its video", async () => {
  const trpc = createClient();
  const { id } = await trpc.jobs.create.mutate(await api.uploadFixtures());
  const statuses: string[] = [];
  for await (const { data } of trpc.jobs.watch.subscribe({ id })) statuses.push(data.status);
  expect(statuses.at(-1)).toBe("succeeded");
  const { url } = await trpc.jobs.result.query({ id });
  expect((await fetch(url)).status).toBe(200);
});

test("queries made at once go in one request, each mutation in its own, with a key of its own", async () => {
  const trpc = createClient();
  const files = await api.uploadFixtures();
  await Promise.all([trpc.limits.get.query({}), trpc.jobs.list.query({})]);
  await Promise.all([trpc.jobs.create.mutate(files), trpc.jobs.create.mutate(files)]);
  expect(sent.map(({ path }) => path)).toEqual([
    "/trpc/limits.get,jobs.list",
    "/trpc/jobs.create",
    "/trpc/jobs.create",
  ]);
  const keys = sent.map(({ headers }) => headers["idempotency-key"]);
  expect(keys[0]).toBeUndefined();
  expect(keys[1]).toMatch(/^\d+(-\d+){3}$/);
  expect(keys[2]).not.toBe(keys[1]);
});

test("a reply that is lost leaves one job", async () => {
  const before = await countJobs();
  const trpc = createClient();
  const files = await api.uploadFixtures();
  faults.push(lostReply, lostReply);
  await trpc.jobs.create.mutate(files);
  const tries = sent.filter(({ path }) => path === "/trpc/jobs.create");
  expect(tries).toHaveLength(3);
  expect(new Set(tries.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
  expect(await countJobs()).toBe(before + 1);
});

test("calls with one idempotency key make one job", async () => {
  const files = await api.uploadFixtures();
  const context = { idempotencyKey: "order-7" };
  const jobs = [
    await createClient().jobs.create.mutate(files, { context }),
    await createClient().jobs.create.mutate(files, { context }),
  ];
  expect(jobs[1]?.id).toBe(jobs[0]?.id);
});

test("what makes a key is sent once", async () => {
  faults.push(lostReply);
  expect(toAvatarError(await errorOf(createClient().keys.createChild.mutate({})))).toMatchObject({
    code: "connection",
  });
  expect(sent).toHaveLength(1);
});

test("Retry-After is honoured, and an answer that is not the API's is tried again", async () => {
  faults.push(
    answer(429, { "retry-after": "0.05", "content-type": "application/json" }),
    answer(502, { "content-type": "text/html" }, "<html>"),
  );
  const startedAt = performance.now();
  await createClient().limits.get.query({});
  expect(performance.now() - startedAt).toBeGreaterThan(45);
  expect(sent).toHaveLength(3);
});

test("a refusal that asks for more time than there is comes at once, and in full", async () => {
  const data = { code: "rate_limited", status: 429, detail: "Too many.", retryAfterMs: 90_000 };
  const body = JSON.stringify([{ error: { code: -32600, message: "Too many.", data } }]);
  faults.push(answer(429, { "retry-after": "90", "content-type": "application/json" }, body));
  const error = toAvatarError(await errorOf(createClient().limits.get.query({})));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "rate_limited", status: 429, retryable: true, retryAfterMs: 90_000 });
});

test("an error has what the API said, as data and as the error that Avatar throws", async () => {
  const thrown = (await errorOf(
    createClient().jobs.get.query({ id: "job_none" }),
  )) as TRPCClientError<AvatarRouter>;
  expect(thrown.data).toMatchObject({ code: "job_not_found", status: 404 });
  const error = toAvatarError(thrown);
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({
    code: "job_not_found",
    status: 404,
    hint: thrown.data?.hint,
    docs: `${api.url}/docs/errors/job_not_found`,
    requestId: expect.stringMatching(/^req_/),
    retryable: false,
  });
  expect(toAvatarError(error)).toBe(error);
});

test("an abort rejects at once, also in the pause before a retry", async () => {
  const controller = new AbortController();
  faults.push(answer(503, { "retry-after": "30", "content-type": "application/json" }));
  const query = createClient().limits.get.query({}, { signal: controller.signal });
  const error = errorOf(query);
  await waitFor(() => sent.length === 1);
  controller.abort();
  expect(toAvatarError(await error)).toBeInstanceOf(AbortedError);
  expect(sent).toHaveLength(1);
});

test("a server that is not there, and one that is another, are told apart", async () => {
  const gone = createClient({ baseUrl: "http://127.0.0.1:1", retry: false });
  expect(toAvatarError(await errorOf(gone.limits.get.query({})))).toBeInstanceOf(ConnectionError);
  faults.push(answer(200, { "content-type": "text/html" }, "<html>"));
  const error = toAvatarError(await errorOf(createClient().limits.get.query({})));
  expect(error).toMatchObject({ code: "unexpected_response", hint: expect.stringContaining("baseUrl") });
});

test("a key and an address that are missing are told by errors of ours", async () => {
  const error = toAvatarError(await errorOf(createClient({ apiKey: "" }).limits.get.query({})));
  expect(error).toMatchObject({ code: "unauthorized", detail: "The API key is missing." });
  expect(error).toBeInstanceOf(AvatarError);
  const nowhere = await errorOf(createClient({ baseUrl: "nowhere" }).limits.get.query({}));
  expect(toAvatarError(nowhere)).toMatchObject({ code: "invalid_input" });
  expect(sent).toEqual([]);
});

test("the key is asked for every request", async () => {
  const keys = ["avk_wrong", api.apiKey];
  const trpc = createClient({ apiKey: async () => keys.shift() ?? "" });
  expect(toAvatarError(await errorOf(trpc.limits.get.query({})))).toMatchObject({ code: "unauthorized" });
  await trpc.limits.get.query({});
});

test("a subscription whose stream breaks off goes on where it was", async () => {
  const trpc = createClient();
  const finish = holdNextRun();
  const { id } = await trpc.jobs.create.mutate(await api.uploadFixtures());
  faults.push(breakAfter(1));
  const versions: string[] = [];
  for await (const event of trpc.jobs.watch.subscribe({ id })) {
    versions.push(event.id);
    if (event.data.status === "running") finish();
  }
  expect(versions).toEqual([...new Set(versions)]);
  expect((await trpc.jobs.get.query({ id })).version).toBe(Number(versions.at(-1)));
  const [first, second] = sent.filter(({ path }) => path === "/trpc/jobs.watch");
  expect(first?.headers["last-event-id"]).toBeUndefined();
  expect(second?.headers["last-event-id"]).toBe(versions[0]);
});

test("a subscription that is refused tells why", async () => {
  const watch = (apiKey: string) => {
    const ended = Promise.withResolvers<never>();
    createClient({ apiKey }).jobs.watch.subscribe({ id: "job_none" }, { onError: ended.reject });
    return errorOf(ended.promise).then(toAvatarError);
  };
  expect(await watch(api.apiKey)).toMatchObject({ code: "job_not_found", status: 404 });
  expect(await watch("avk_wrong")).toMatchObject({ code: "unauthorized", status: 401 });
});

test("leaving a subscription ends its request", async () => {
  const trpc = createClient();
  holdNextRun();
  const { id } = await trpc.jobs.create.mutate(await api.uploadFixtures());
  for await (const { data } of trpc.jobs.watch.subscribe({ id })) if (data.status === "running") break;
  const watches = sent.filter(({ path }) => path === "/trpc/jobs.watch");
  expect(watches.map(({ signal }) => signal?.aborted)).toEqual([true]);
});
