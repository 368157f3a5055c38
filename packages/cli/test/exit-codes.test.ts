import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { withChecksum } from "@avatar/contract/api-keys";
import { expect, onTestFinished, test } from "vitest";
import { startProxy } from "./support/proxy.ts";
import { PORTRAIT, SPEECH } from "./support/run-avatar.ts";
import { GENERATE, useApi } from "./support/use-api.ts";

const given = useApi();

async function aKey(input: object): Promise<{ AVATAR_API_KEY: string }> {
  const { status, body } = await given.api.rest("POST", "/v1/keys", { owner: "o", name: "n", ...input });
  expect(status).toBe(201);
  return { AVATAR_API_KEY: body.key };
}

/** All that programs learn of an error. */
async function errorOf(args: readonly string[], env = {}) {
  const run = await given.run([...args, "--json"], { env });
  expect(run.stdout).toBe("");
  expect(run.stderr.trim().split("\n")).toHaveLength(1);
  const { error } = JSON.parse(run.stderr);
  expect(error.exitCode).toBe(run.code);
  return error;
}

test("3: without a key, with one that is not valid, and with one that may not", async () => {
  expect(await errorOf(GENERATE, { AVATAR_API_KEY: "" })).toMatchObject({
    exitCode: 3,
    code: "unauthorized",
  });
  const wrong = await errorOf(GENERATE, { AVATAR_API_KEY: withChecksum(`avk_live_${"W".repeat(34)}`) });
  expect(wrong).toMatchObject({ exitCode: 3, code: "unauthorized", status: 401 });
  const reader = await aKey({ scopes: ["read"] });
  expect(await errorOf(GENERATE, reader)).toMatchObject({
    exitCode: 3,
    code: "insufficient_scope",
    status: 403,
  });
});

test("4: a file that is not there, that is no picture, or a job that does not exist", async () => {
  expect(await errorOf(["generate", "none.png", SPEECH, "-o", "out.mp4"])).toMatchObject({
    exitCode: 4,
    code: "file_not_found",
    detail: "There is no readable file none.png.",
  });
  const swapped = await errorOf(["generate", SPEECH, PORTRAIT, "-o", "out.mp4"]);
  expect(swapped).toMatchObject({
    exitCode: 4,
    code: "media_type_mismatch",
    hint: "Name the portrait first, then the recording.",
  });
  const insecure = await errorOf(["generate", "http://example.com/a.png", SPEECH, "-o", "out.mp4"]);
  expect(insecure).toMatchObject({ exitCode: 4, code: "url_not_allowed" });
  const { api } = given;
  const unknown = await errorOf(["jobs", "get", "job_0"]);
  expect(unknown).toMatchObject({
    exitCode: 4,
    code: "job_not_found",
    status: 404,
    docs: `${api.url}/docs/errors/job_not_found`,
    requestId: expect.stringMatching(/^req_/),
  });
});

test("5: a budget that is used up", async () => {
  const poor = await aKey({ limits: { usdPerDay: 0 } });
  expect(await errorOf(GENERATE, poor)).toMatchObject({ exitCode: 5, code: "budget_exhausted", status: 402 });
});

test("6: a job that failed, and one whose video is deleted", async () => {
  given.api.engine.scripts.push({ fail: "no_face" });
  const error = await errorOf(GENERATE);
  expect(error).toMatchObject({ exitCode: 6, code: "no_face", job: { status: "failed" } });
  expect(error.jobId).toBe(error.job.id);

  expect((await given.run(GENERATE)).code).toBe(0);
  const { id } = await given.newestJob();
  await given.api.rest("DELETE", `/v1/jobs/${id}`);
  expect(await errorOf(["resume", id, "-o", "other.mp4"])).toMatchObject({
    exitCode: 6,
    code: "video_expired",
  });
});

test("7: a job that somebody canceled", async () => {
  given.hold();
  const run = given.start(GENERATE);
  await run.said(/Rendering/);
  const { id } = await given.newestJob();
  expect((await given.run(["jobs", "cancel", id])).stdout).toBe("canceled\n");
  const { code, stderr } = await run.ended;
  expect(code).toBe(7);
  expect(stderr).toContain(`Error: The job was canceled.\n  code     job_canceled\n  job      ${id}\n`);
});

test("8: an API that is not there, that is something else, or that fails", async () => {
  const nowhere = await errorOf(["jobs", "list"], { AVATAR_BASE_URL: "http://127.0.0.1:9" });
  expect(nowhere).toMatchObject({ exitCode: 8, code: "connection", attempts: 4 });

  const page = createServer((_, response) => void response.end("<html>"));
  await new Promise<void>((resolve) => page.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void page.close());
  const address = { AVATAR_BASE_URL: `http://127.0.0.1:${(page.address() as AddressInfo).port}` };
  expect(await errorOf(["jobs", "list"], address)).toMatchObject({
    exitCode: 8,
    code: "unexpected_response",
  });

  const proxy = await startProxy(given.api.url);
  onTestFinished(proxy.close);
  proxy.on("GET /v1/jobs", (response) => void response.writeHead(502).end("Bad Gateway"));
  const gateway = await errorOf(["jobs", "list"], { AVATAR_BASE_URL: proxy.url });
  expect(gateway).toMatchObject({ exitCode: 8, code: "http_502", status: 502, attempts: 4 });
});

test("an API that fails for a while is waited for, and that is said once", async () => {
  const proxy = await startProxy(given.api.url);
  onTestFinished(proxy.close);
  let failures = 2;
  proxy.on("POST /v1/jobs", (response, forward) => {
    if (failures-- > 0) response.writeHead(503, { "retry-after": "0" }).end();
    else forward();
  });
  const { code, stderr } = await given.run(GENERATE, { env: { AVATAR_BASE_URL: proxy.url } });
  expect(code).toBe(0);
  expect(stderr.match(/The API did not answer as it should \(http_503\); trying again\./g)).toHaveLength(1);
});

test("9: --timeout cancels the job", async () => {
  given.hold();
  const id = await given.createJob();
  const run = await given.run(["resume", id, "-o", "out.mp4", "--timeout", "0.5s"]);
  expect(run.code).toBe(9);
  expect(run.stderr).toContain(
    `Error: Not done within 0.5s: the job is canceled.\n  code     timeout\n  job      ${id}\n`,
  );
  expect(await given.job(id)).toMatchObject({ status: "canceled" });

  given.hold();
  expect((await given.run([...GENERATE, "--timeout", "0.5s"])).code).toBe(9);
});

test("2: a file that exists is not written over, and nothing is sent, unless --force is given", async () => {
  const { cwd, run } = given;
  await writeFile(join(cwd, "out.mp4"), "mine");
  const before = await given.newestJob();
  expect(await errorOf(GENERATE)).toMatchObject({ exitCode: 2, code: "file_exists" });
  expect((await given.newestJob())?.id).toBe(before?.id);
  expect(await readFile(join(cwd, "out.mp4"), "utf8")).toBe("mine");

  expect(await run([...GENERATE, "--force"])).toMatchObject({ code: 0, stdout: "out.mp4\n" });
  expect(await readFile(join(cwd, "out.mp4"), "latin1")).toContain("ftyp");
});

test("2: a video cannot go to a folder, to a pipe, or to where nothing can be", async () => {
  await mkdir(join(given.cwd, "folder"));
  // A device is refused alike, but a test that failed would take /dev/null away.
  execFileSync("mkfifo", [join(given.cwd, "pipe")]);
  const tooLong = `${"a".repeat(252)}.mp4`;
  for (const output of ["folder", "pipe", "none/out.mp4", "none/", "pipe/out.mp4", tooLong]) {
    const args = ["generate", PORTRAIT, SPEECH, "--force", "-o", output];
    expect(await errorOf(args), output).toMatchObject({ exitCode: 2, code: "usage" });
  }
  expect(await readdir(given.cwd)).toEqual(["folder", "pipe"]);
});

test("a file that came to be during the render is not written over, and the video is not lost", async () => {
  const release = given.hold();
  const run = given.start(GENERATE);
  await run.said(/Rendering/);
  await writeFile(join(given.cwd, "out.mp4"), "mine");
  release();
  const { code, stderr } = await run.ended;
  const { id } = await given.newestJob();
  expect(code).toBe(2);
  expect(stderr).toContain(`The video is kept on the server: avatar resume ${id} -o out.mp4`);
  expect(await readFile(join(given.cwd, "out.mp4"), "utf8")).toBe("mine");
});

test("people get what happened, what to do, and what to quote", async () => {
  const { api } = given;
  const { stderr } = await given.run(["jobs", "get", "job_0"]);
  const [first, hint, ...facts] = stderr.trimEnd().split("\n");
  expect(first).toMatch(/^Error: .*\.$/);
  expect(hint).toContain("Check the id");
  expect(facts).toEqual([
    "  code     job_not_found",
    expect.stringMatching(/^ {2}request {2}req_\w+$/),
    `  docs     ${api.url}/docs/errors/job_not_found`,
  ]);
});
