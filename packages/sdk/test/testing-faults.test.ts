import { expect, test } from "vitest";
import { Avatar, TimeoutError } from "../src/index.ts";
import { type Fault, fakeAvatar } from "../src/testing.ts";
import { errorOf, files } from "./support/use-fake-api.ts";

const countOf = (fake: ReturnType<typeof fakeAvatar>, at: Fault["at"]) =>
  fake.requests.filter(({ route }) => route === at).length;

test("a lost reply, a reset and a 503 cost tries, and make one job", async () => {
  const at = "POST /v1/jobs";
  const fake = fakeAvatar({
    faults: [
      { at, kind: "lost-reply", times: 2 },
      { at, kind: "reset" },
      { at, kind: "unavailable" },
    ],
  });
  await new Avatar(fake).generate(files());
  expect(countOf(fake, at)).toBe(5);
  expect(fake.jobs).toHaveLength(1);
});

test("a refusal asks to wait, and the clock of the fake shows that it was done", async () => {
  const fake = fakeAvatar();
  fake.fail({ at: "GET /v1/jobs", kind: "rate_limited", retryAfterMs: 2000, times: 3 });
  const before = fake.clock.now();
  await new Avatar(fake).jobs.list();
  expect(fake.clock.now() - before).toBe(6000);
});

test("a request that hangs ends with the time that it is given, and its work is done", async () => {
  const fake = fakeAvatar({ faults: [{ at: "POST /v1/jobs", kind: "hang" }] });
  const input = { image: "https://a.b/c", audio: "https://a.b/d" };
  const error = await errorOf(new Avatar(fake).jobs.create(input, { timeoutMs: 5 }));
  expect(error).toBeInstanceOf(TimeoutError);
  expect(fake.jobs).toHaveLength(1);
});

test("a slow answer is late, and an abort does not wait for it", async () => {
  const fake = fakeAvatar({ faults: [{ at: "GET /v1/jobs", kind: "slow", delayMs: 1 }] });
  const avatar = new Avatar(fake);
  expect((await avatar.jobs.list()).items).toEqual([]);
  fake.fail({ at: "GET /v1/jobs", kind: "slow", delayMs: 60_000 });
  const error = await errorOf(avatar.jobs.list({}, { signal: AbortSignal.timeout(1) }));
  expect(error).toMatchObject({ code: "aborted" });
});

test("a PUT whose answer was lost is there", async () => {
  const fake = fakeAvatar({ faults: [{ at: "PUT /objects/uploads/{id}", kind: "lost-reply" }] });
  expect((await new Avatar(fake).upload(files().image)).id).toBe("upload_1");
  expect(countOf(fake, "PUT /objects/uploads/{id}")).toBe(2);
});

test("a download that fails at first is read in the end", async () => {
  const fake = fakeAvatar({ faults: [{ at: "GET /objects/videos/{id}", kind: "reset", times: 2 }] });
  const video = await new Avatar(fake).generate(files());
  expect((await video.blob()).size).toBe(video.bytes);
});

test("faults of a route are met in their order, those of others stay", async () => {
  const fake = fakeAvatar({ faults: [{ at: "GET /v1/limits", kind: "reset" }] });
  fake.fail({ at: "GET /v1/jobs", kind: "internal" }, { at: "GET /v1/jobs", kind: "insufficient_scope" });
  const avatar = new Avatar({ ...fake, retry: false });
  expect(await errorOf(avatar.jobs.list())).toMatchObject({ code: "internal", status: 500 });
  expect(await errorOf(avatar.jobs.list())).toMatchObject({ code: "insufficient_scope", status: 403 });
  expect((await avatar.jobs.list()).items).toEqual([]);
});
