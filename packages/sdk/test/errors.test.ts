import { ERROR_CODES, ERRORS } from "@avatar/contract/errors";
import { expect, test, vi } from "vitest";
import { ApiError, Avatar, AvatarError, type ClientOptions } from "../src/index.ts";
import { errorOf, png, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

test.each(ERROR_CODES)("%s arrives with everything that the API says", async (code) => {
  const { api, clock } = given;
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: api.url, clock, retry: { attempts: 1 } });
  api.fail("GET /v1/jobs/:id", { code, detail: "It went wrong." });
  const error = await errorOf(avatar.jobs.get("job_1"));
  const { status, retryable, hint } = ERRORS[code];
  const docs = `${api.url}/docs/errors/${code}`;
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ name: "ApiError", code, status, retryable, hint, docs, requestId: "req_1" });
  expect((error as Error).message).toBe(`It went wrong. ${hint} (${code}, req_1)`);
});

test("issues name the fields, and codes of the future still work", async () => {
  const issues = [{ path: "aspect", message: "expected one of …" }];
  const body = JSON.stringify({ code: "moon_phase_wrong", detail: "Not tonight.", issues });
  given.api.fail("GET /v1/jobs/:id", { status: 451, body });
  const error = await errorOf(given.avatar.jobs.get("job_1"));
  expect(error).toMatchObject({ code: "moon_phase_wrong", status: 451, issues, retryable: false });
  expect(AvatarError.is(error, "moon_phase_wrong")).toBe(true);
});

test("errors of another kind of server are told by their status alone", async () => {
  for (const json of [{ detail: [{ loc: ["x"] }], issues: {} }, { code: 5, docs: {} }, null, "text"]) {
    given.api.fail("GET /v1/jobs/:id", { status: 422, body: JSON.stringify(json) });
    const error = await errorOf(given.avatar.jobs.get("job_1"));
    expect(error).toMatchObject({ code: "http_422", detail: "The server answered 422.", issues: [] });
  }
});

test("AvatarError.is knows errors of another copy of the package, and nothing else", async () => {
  vi.resetModules();
  const other = await import("../src/errors.ts");
  const error = new other.AvatarError({ code: "no_face", detail: "No face." });
  expect(error).not.toBeInstanceOf(AvatarError);
  expect(AvatarError.is(error)).toBe(true);
  expect(AvatarError.is(error, "no_face")).toBe(true);
  expect(AvatarError.is(error, "timeout")).toBe(false);
  for (const thing of [new Error("no_face"), { code: "no_face" }, null, undefined, "no_face"]) {
    expect(AvatarError.is(thing)).toBe(false);
  }
});

test("toJSON keeps what is known and leaves out the rest", () => {
  const error = new AvatarError({
    code: "timeout",
    detail: "Late.",
    jobId: "job_1",
    cause: new Error("secret"),
  });
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    name: "AvatarError",
    message: "Late. (timeout)",
    code: "timeout",
    detail: "Late.",
    jobId: "job_1",
    issues: [],
    retryable: false,
    attempts: 0,
  });
});

test("no error shows the key or a signed link", async () => {
  const { api, clock } = given;
  const avatar = new Avatar({ apiKey: "avk_s3cret", baseUrl: api.url, clock });
  api.fail("POST /v1/uploads", { code: "unauthorized" });
  api.fail("PUT /objects/:id", ...Array(10).fill("reset"));
  const broken = new Blob(["\x89PNG\r\n", new Uint8Array(64)]);
  const errors = [
    await errorOf(avatar.upload(png())),
    await errorOf(avatar.upload(png())),
    await errorOf(avatar.upload(broken)),
    await errorOf(new Avatar({ apiKey: "avk_s3cret\nx", baseUrl: api.url }).jobs.get("job_1")),
  ];
  expect(errors.map((error) => (error as AvatarError).code)).toEqual([
    "unauthorized",
    "connection",
    "unsupported_image",
    "unauthorized",
  ]);
  for (const error of errors)
    expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain("s3cret");
});

test("a missing key, a missing address and a wrong one say what to do", async () => {
  vi.stubEnv("AVATAR_API_KEY", "");
  vi.stubEnv("AVATAR_BASE_URL", "");
  const list = (options: ConstructorParameters<typeof Avatar>[0]) => errorOf(new Avatar(options).jobs.list());
  expect(await list({ baseUrl: given.api.url })).toMatchObject({
    code: "unauthorized",
    hint: /AVATAR_API_KEY/,
  });
  expect(await list({ apiKey: "avk_1" })).toMatchObject({ code: "invalid_input", hint: /AVATAR_BASE_URL/ });
  for (const baseUrl of ["localhost:3000", "https://me:s3cret@127.0.0.1", "https://127.0.0.1/?a=1"]) {
    const error = await list({ apiKey: "avk_1", baseUrl });
    expect(error).toMatchObject({ code: "invalid_input" });
    expect(String(error)).not.toContain("s3cret");
  }
  expect(given.api.requests).toEqual([]);
  vi.unstubAllEnvs();
});

test("the environment is read when it is needed, and the key may come from a function", async () => {
  const avatar = new Avatar();
  vi.stubEnv("AVATAR_API_KEY", " avk_from_env\n");
  vi.stubEnv("AVATAR_BASE_URL", `${given.api.url}/`);
  await avatar.jobs.list();
  await new Avatar({ apiKey: async () => "avk_from_function" }).jobs.list();
  const keys = given.api.seen("GET /v1/jobs").map(({ headers }) => headers.authorization);
  expect(keys).toEqual(["Bearer avk_from_env", "Bearer avk_from_function"]);
  vi.unstubAllEnvs();
});

test("a runtime that forbids reading the environment is asked for options", async () => {
  const { process } = globalThis;
  const forbidden = {
    get env() {
      throw new Error("NotCapable");
    },
  };
  vi.stubGlobal("process", forbidden);
  const error = await errorOf(new Avatar({ baseUrl: given.api.url }).jobs.list()).finally(() =>
    vi.stubGlobal("process", process),
  );
  expect(error).toMatchObject({ code: "unauthorized" });
});

test("docs lead to a page on the host of the API, also of a job that failed and under a path", async () => {
  const { api, avatar } = given;
  const docs = "/docs/errors/no_face";
  api.addJob([{ status: "failed", error: { code: "no_face", detail: "No face.", hint: "", docs } }]);
  expect(await errorOf(avatar.resume("job_1"))).toMatchObject({ docs: api.url + docs });
  const deeper = avatar.with({
    baseUrl: `${api.url}/avatar/`,
    fetch: (url, init) => fetch(url.replace("/avatar/", "/"), init),
  });
  expect(await errorOf(deeper.resume("job_1"))).toMatchObject({ docs: `${api.url}/avatar${docs}` });
});

test("a live key that is written into a page is refused before anything is sent", async () => {
  const { api, avatar } = given;
  const live = `avk_live_${"k".repeat(40)}`;
  vi.stubEnv("AVATAR_API_KEY", live);
  const jobsWith = (apiKey: ClientOptions["apiKey"]) => avatar.with({ apiKey }).jobs;
  for (const parts of [["document"], ["importScripts", "location"]]) {
    for (const part of parts) vi.stubGlobal(part, {});
    for (const apiKey of [live, undefined]) {
      const error = await errorOf(jobsWith(apiKey).list());
      expect(error).toMatchObject({ code: "live_key_in_browser", hint: /child key from your server/ });
      expect(JSON.stringify(error)).not.toContain(live);
    }
    expect(api.requests).toEqual([]);
    vi.unstubAllGlobals();
  }
  vi.stubGlobal("document", {});
  await jobsWith(() => live).list();
  await jobsWith(live.replace("live", "test")).list();
  vi.unstubAllGlobals();
  await jobsWith(live).list();
  expect(api.requests.length).toBe(3);
  vi.unstubAllEnvs();
});
