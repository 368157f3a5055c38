import { afterEach, beforeEach, expect, test } from "vitest";
import { Avatar, AvatarError } from "../src/index.ts";
import { file, saveTo } from "../src/node.ts";
import { files, png, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

/** What code without types, or with wrong ones, may come up with. */
const VALUES: unknown[] = [
  undefined,
  null,
  true,
  5,
  Number.NaN,
  10n,
  "",
  "..",
  "/etc/passwd",
  Symbol("x"),
  [],
  {},
  Object.create(null),
  new Date(Number.NaN),
  () => 1,
  () => {
    throw "a string";
  },
  async () => {
    throw new TypeError("from a callback");
  },
];
const OPTIONS: unknown[] = [
  ...VALUES,
  ...VALUES.flatMap((value) => [
    { signal: value },
    { timeoutMs: value },
    { retry: value },
    { retry: { attempts: value, maxDelayMs: value, budgetMs: value } },
    { onUpload: value, onUpdate: value, onAbort: value },
    { idempotencyKey: value },
    { wait: value, after: value },
    { limits: value },
  ]),
  { signal: AbortSignal.abort() },
  { signal: AbortSignal.abort("a string") },
  { timeoutMs: -1 },
  { timeoutMs: 0 },
];

const unhandled: unknown[] = [];
const note = (reason: unknown) => void unhandled.push(reason);
beforeEach(() => {
  unhandled.length = 0;
  process.on("unhandledRejection", note);
});
afterEach(() => void process.off("unhandledRejection", note));

type Method = (...args: never[]) => unknown;
/** Each with good arguments, of which the test replaces one. */
const METHODS: Record<string, (avatar: Avatar) => unknown[]> = {
  generate: (avatar) => [avatar.generate.bind(avatar), files(), {}],
  submit: (avatar) => [avatar.submit.bind(avatar), files(), {}],
  resume: (avatar) => [avatar.resume.bind(avatar), "job_1", {}],
  upload: (avatar) => [avatar.upload.bind(avatar), png(), {}],
  check: (avatar) => [avatar.check.bind(avatar), files(), {}],
  estimate: (avatar) => [avatar.estimate.bind(avatar), files(), {}],
  usage: (avatar) => [avatar.usage.bind(avatar), {}, {}],
  limits: (avatar) => [avatar.limits.bind(avatar), {}],
  raw: (avatar) => [avatar.raw.bind(avatar), (client: Avatar) => client.limits()],
  with: (avatar) => [(options: object) => avatar.with(options).jobs.list(), {}],
  constructor: () => [(options: object) => new Avatar(options).jobs.list(), {}],
  "jobs.create": ({ jobs }) => [jobs.create, { image: "upload_1", audio: "upload_1" }, {}],
  "jobs.get": ({ jobs }) => [jobs.get, "job_1", {}],
  "jobs.list": ({ jobs }) => [jobs.list, {}, {}],
  "jobs.list as an iteration": ({ jobs }) => [
    async (...args: never[]) => {
      for await (const _ of jobs.list(...args)) break;
    },
    {},
    {},
  ],
  "jobs.cancel": ({ jobs }) => [jobs.cancel, "job_1", {}],
  "jobs.delete": ({ jobs }) => [jobs.delete, "job_1", {}],
  "jobs.result": ({ jobs }) => [jobs.result, "job_1", {}],
};

const labelOf = (value: unknown) => {
  try {
    return `${typeof value} ${JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? "10n" : inner))}`;
  } catch {
    return typeof value;
  }
};

/** Settles; of what it throws only an AvatarError counts as good manners. */
async function expectManners(call: () => unknown, what: string) {
  let pending: unknown;
  try {
    pending = call();
  } catch (thrown) {
    expect.fail(`${what} threw at once: ${String(thrown)}`);
  }
  try {
    await pending;
  } catch (error) {
    expect(error, what).toBeInstanceOf(AvatarError);
    expect((error as AvatarError).code, what).toMatch(/^\w+$/);
  }
}

test.each(Object.keys(METHODS))(
  "%s takes any argument, and rejects with nothing but AvatarErrors",
  async (name) => {
    given.api.addJob([{ status: "succeeded" }]);
    const [method, ...good] = METHODS[name]?.(given.avatar) ?? [];
    for (let place = 0; place < good.length; place++) {
      for (const value of place === good.length - 1 ? OPTIONS : VALUES) {
        const args = good.with(place, value);
        await expectManners(
          () => (method as Method)(...(args as never[])),
          `${name}, argument ${place} ${labelOf(value)}`,
        );
      }
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(unhandled).toEqual([]);
  },
);

test("so do the options of a client, one by one", async () => {
  const names = ["apiKey", "baseUrl", "fetch", "headers", "retry", "onEvent", "clock"];
  for (const name of names) {
    for (const value of VALUES) {
      const options = { [name]: value };
      await expectManners(() => given.avatar.with(options).limits(), `${name} ${labelOf(value)}`);
    }
  }
  expect(unhandled).toEqual([]);
});

test("so do a video, a generation and what reads and writes files", async () => {
  const video = await given.avatar.generate(files());
  const generation = given.avatar.resume(video.jobId);
  for (const value of OPTIONS) {
    const options = value as object;
    const what = labelOf(value);
    await expectManners(() => video.url(options), `url ${what}`);
    await expectManners(() => video.blob(options), `blob ${what}`);
    await expectManners(() => new Response(video.stream(options)).blob(), `stream ${what}`);
  }
  for (const value of VALUES) {
    await expectManners(() => file(value as string)(), `file ${labelOf(value)}`);
    await expectManners(() => saveTo(value as never, "x.mp4"), `saveTo ${labelOf(value)}`);
    if (typeof value !== "string")
      await expectManners(() => saveTo(video, value as never), `saveTo to ${labelOf(value)}`);
  }
  await expectManners(() => generation.cancel(), "cancel");
  await expectManners(() => generation.settled(), "settled");
  expect(unhandled).toEqual([]);
});
