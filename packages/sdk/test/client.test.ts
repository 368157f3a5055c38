import { expect, test } from "vitest";
import { AvatarError } from "../src/index.ts";
import { errorOf, files, png, useFakeApi, wav } from "./support/use-fake-api.ts";

const given = useFakeApi();

test("estimate sends the files and makes no job", async () => {
  const { api, avatar } = given;
  const loaded: string[] = [];
  const onUpload = ({ input }: { input: string }) => void loaded.push(input);
  const estimate = await avatar.estimate({ ...files(), aspect: "9:16" }, { onUpload });
  expect(estimate).toMatchObject({ audioSeconds: 7, cost: { usd: 0 }, cold: false });
  expect(JSON.parse(api.seen("POST /v1/estimate")[0]?.body ?? "")).toEqual({
    image: "upload_1",
    audio: "upload_2",
    aspect: "9:16",
  });
  expect(new Set(loaded)).toEqual(new Set(["image", "audio"]));
  expect(api.jobs.size).toBe(0);
});

test("files that were uploaded once serve the estimate and the job", async () => {
  const { api, avatar } = given;
  const [image, audio] = await Promise.all([avatar.upload(png()), avatar.upload(wav())]);
  await avatar.estimate({ image, audio });
  await avatar.generate({ image, audio });
  expect(api.count("PUT /objects/:id")).toBe(2);
});

test("an estimate that is refused says why, with the API's word", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/estimate", { code: "audio_too_short" });
  expect(await errorOf(avatar.estimate(files()))).toMatchObject({ code: "audio_too_short", status: 422 });
});

test("an estimate stops with its signal", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/estimate", "hang");
  const controller = new AbortController();
  const error = errorOf(avatar.estimate(files(), { signal: controller.signal }));
  await api.reached("POST /v1/estimate");
  controller.abort();
  expect(await error).toMatchObject({ code: "aborted" });
});

test("usage asks for the days given, and for the API's own default without", async () => {
  const { api, avatar } = given;
  expect(await avatar.usage({ from: "2026-11-01" })).toEqual({ from: "2026-11-01", to: null, days: [] });
  await avatar.usage();
  expect(api.seen("GET /v1/usage").map(({ query }) => String(query))).toEqual(["from=2026-11-01", ""]);
});

test("limits are the API's", async () => {
  expect(await given.avatar.limits()).toEqual({ engine: "preview" });
});

test("raw gives a call's answer with its headers and tries", async () => {
  const { api, avatar } = given;
  api.addJob();
  api.headers = { "x-extra": "yes" };
  api.fail("GET /v1/jobs/:id", "reset", { code: "unavailable" });
  const { data, response, requestId, attempts } = await avatar.raw((client) => client.jobs.get("job_1"));
  expect(data.id).toBe("job_1");
  expect(response.status).toBe(200);
  expect(response.headers.get("x-extra")).toBe("yes");
  expect([requestId, attempts]).toEqual(["req_3", 3]);
});

test("raw rejects as the call does, and where no request was sent", async () => {
  const { avatar } = given;
  expect(await errorOf(avatar.raw((client) => client.jobs.get("job_1")))).toMatchObject({
    code: "job_not_found",
  });
  expect(await errorOf(avatar.raw(async () => 1))).toMatchObject({ code: "invalid_input" });
  const error = await errorOf(avatar.raw(() => JSON.parse("{")));
  expect(error).toBeInstanceOf(AvatarError);
});

test("with changes some options of a client and keeps the others", async () => {
  const { api, avatar } = given;
  const other = avatar.with({ headers: { "x-team": "red" }, retry: false });
  await other.jobs.list();
  await avatar.jobs.list();
  expect(api.requests.map(({ headers }) => [headers["x-team"], headers.authorization])).toEqual([
    ["red", "Bearer avk_test_1"],
    [undefined, "Bearer avk_test_1"],
  ]);
  api.fail("GET /v1/jobs", "reset");
  expect(await errorOf(other.jobs.list())).toMatchObject({ attempts: 1 });
});
