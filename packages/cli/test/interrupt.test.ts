import { readdir } from "node:fs/promises";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { NODES } from "./support/nodes.ts";
import { startProxy } from "./support/proxy.ts";
import { GENERATE, useApi } from "./support/use-api.ts";

const given = useApi();

/** Where requests can be held back. */
async function useProxy() {
  const proxy = await startProxy(given.api.url);
  onTestFinished(proxy.close);
  return { ...proxy, env: { AVATAR_BASE_URL: proxy.url } };
}

describe.each(NODES)("on Node %s", (_, node) => {
  test.each([
    ["SIGINT", 130, "Interrupted"],
    ["SIGTERM", 143, "Stopped by SIGTERM"],
    ["SIGHUP", 129, "Stopped by SIGHUP"],
  ] as const)("%s cancels the job on the server before the program ends", async (signal, code, why) => {
    given.hold();
    const stoppedBefore = given.api.engine.stopped.length;
    const run = given.start(GENERATE, { node });
    await run.said(/Rendering/);
    run.kill(signal);
    expect(await run.ended).toMatchObject({ code, stdout: "" });
    const { id, status } = await given.newestJob();
    expect(status).toBe("canceled");
    expect(run.output.stderr).toContain(
      `${why}: canceling ${id}. Ctrl-C again quits at once.\n` +
        `Error: ${why}: the job is canceled.\n  code     interrupted\n  job      ${id}\n`,
    );
    expect(await readdir(given.cwd)).toEqual([]);
    await expect.poll(() => given.api.engine.stopped.length).toBe(stoppedBefore + 1);
  });

  test("with --leave-running the job goes on, and stdout is its id", async () => {
    const release = given.hold();
    const run = given.start([...GENERATE, "--leave-running"], { node });
    await run.said(/Rendering/);
    run.kill("SIGINT");
    const { code, stdout, stderr } = await run.ended;
    const { id, status } = await given.newestJob();
    expect({ code, stdout, status }).toEqual({ code: 130, stdout: `${id}\n`, status: "running" });
    expect(stderr).toContain(
      `the job goes on without us.\nCome back to it: avatar resume ${id} -o out.mp4\n`,
    );

    release();
    expect(await given.run(["resume", id, "-o", "out.mp4"], { node })).toMatchObject({
      code: 0,
      stdout: "out.mp4\n",
    });
  });
});

test("after kill -9, another process finds the same job", async () => {
  const release = given.hold();
  const run = given.start(GENERATE);
  await run.said(/Rendering/);
  run.kill("SIGKILL");
  expect(await run.ended).toMatchObject({ signal: "SIGKILL", stdout: "" });
  const { id, status } = await given.newestJob();
  expect(status).toBe("running");
  release();
  const { code, stdout } = await given.run(["resume", id, "-o", "out.mp4"]);
  expect({ code, stdout, newest: (await given.newestJob()).id }).toEqual({
    code: 0,
    stdout: "out.mp4\n",
    newest: id,
  });
});

test("with --leave-running, --timeout leaves the job too", async () => {
  const release = given.hold();
  const id = await given.createJob();
  const args = ["resume", id, "-o", "out.mp4", "--leave-running", "--timeout", "0.5s", "--json"];
  const { code, stdout } = await given.run(args);
  expect(code).toBe(9);
  expect(JSON.parse(stdout).job.id).toBe(id);
  release();
  expect((await given.run(["jobs", "watch", id])).stdout).toBe("succeeded\n");
});

test("a --timeout of weeks does not pass at once", async () => {
  const release = given.hold();
  const run = given.start([...GENERATE, "--timeout", "1000h"]);
  await run.said(/Rendering/);
  release();
  expect(await run.ended).toMatchObject({ code: 0, stdout: "out.mp4\n" });
});

test("Ctrl-C cancels a job that is resumed", async () => {
  given.hold();
  const id = await given.createJob();
  const run = given.start(["resume", id, "-o", "out.mp4"]);
  await run.said(/Rendering/);
  run.kill("SIGINT");
  expect((await run.ended).code).toBe(130);
  expect(await given.job(id)).toMatchObject({ status: "canceled" });
});

test("Ctrl-C leaves a job that is only watched", async () => {
  const release = given.hold();
  const id = await given.createJob();
  const run = given.start(["jobs", "watch", id]);
  await run.said(/Rendering/);
  run.kill("SIGINT");
  expect(await run.ended).toMatchObject({ code: 130, stdout: "" });
  expect(await given.job(id)).toMatchObject({ status: "running" });
  release();
});

describe("before there is a job", () => {
  let newest: { id: string } | undefined;
  beforeEach(async () => {
    newest = await given.newestJob();
  });

  test.each([{ flags: [] }, { flags: ["--leave-running"] }])(
    "Ctrl-C ends the uploads and makes none, $flags",
    async ({ flags }) => {
      const proxy = await useProxy();
      const { reached } = proxy.hold("POST /v1/uploads");
      const run = given.start([...GENERATE, ...flags], { env: proxy.env });
      await reached;
      run.kill("SIGINT");
      const { code, stdout, stderr } = await run.ended;
      expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
      expect(stderr).toContain("Error: Interrupted before there was a job.\n");
      expect((await given.newestJob())?.id).toBe(newest?.id);
    },
  );

  test("Ctrl-C while the job is being made cancels it", async () => {
    given.hold();
    const proxy = await useProxy();
    const creating = proxy.hold("POST /v1/jobs");
    const run = given.start(GENERATE, { env: proxy.env });
    await creating.reached;
    run.kill("SIGINT");
    await run.said(/canceling the job/);
    creating.release();
    expect((await run.ended).code).toBe(130);
    const job = await given.newestJob();
    expect(job.id).not.toBe(newest?.id);
    expect(job.status).toBe("canceled");
  });

  test("with --leave-running, Ctrl-C while the job is being made waits for its id", async () => {
    const proxy = await useProxy();
    const creating = proxy.hold("POST /v1/jobs");
    const run = given.start([...GENERATE, "--leave-running"], { env: proxy.env });
    await creating.reached;
    run.kill("SIGINT");
    await run.said(/waiting for the id of the job/);
    creating.release();
    const { code, stdout } = await run.ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: `${(await given.newestJob()).id}\n` });
  });

  test("a second Ctrl-C quits at once", async () => {
    const proxy = await useProxy();
    const creating = proxy.hold("POST /v1/jobs");
    const run = given.start(GENERATE, { env: proxy.env });
    await creating.reached;
    run.kill("SIGINT");
    await run.said(/canceling the job/);
    const pressing = setInterval(() => run.kill("SIGINT"), 20);
    onTestFinished(() => clearInterval(pressing));
    expect((await run.ended).code).toBe(130);
    expect((await given.newestJob())?.id).toBe(newest?.id);
  });
});

test("one Ctrl-C that comes twice, as it does below npx, is one", async () => {
  given.hold();
  const run = given.start(GENERATE);
  await run.said(/Rendering/);
  run.kill("SIGINT");
  await run.said(/canceling/);
  run.kill("SIGINT");
  expect((await run.ended).code).toBe(130);
  expect(run.output.stderr).toContain("Error: Interrupted: the job is canceled.\n");
  expect(await given.newestJob()).toMatchObject({ status: "canceled" });
});

test("progress that nobody reads does not end a job", async () => {
  const release = given.hold();
  const run = given.start(GENERATE);
  await run.said(/Uploading/);
  run.child.stderr.destroy();
  release();
  expect(await run.ended).toMatchObject({ code: 0, stdout: "out.mp4\n" });
});

test("if the job cannot be canceled, that is said", async () => {
  const release = given.hold();
  const proxy = await useProxy();
  const problem = { code: "insufficient_scope", detail: "The key lost its scope." };
  proxy.on(
    "POST /v1/jobs/:id/cancel",
    (response) => void response.writeHead(403).end(JSON.stringify(problem)),
  );
  const run = given.start(GENERATE, { env: proxy.env });
  await run.said(/Rendering/);
  run.kill("SIGINT");
  expect((await run.ended).code).toBe(130);
  const { id, status } = await given.newestJob();
  expect(status).toBe("running");
  expect(run.output.stderr).toContain(
    `Error: Interrupted, but the job could not be canceled. The key lost its scope.\nTry again: avatar jobs cancel ${id}\n`,
  );
  release();
});

test("a job that is done before it can be canceled keeps its video", async () => {
  const release = given.hold();
  const proxy = await useProxy();
  const canceling = proxy.hold("POST /v1/jobs/:id/cancel");
  const run = given.start(GENERATE, { env: proxy.env });
  await run.said(/Rendering/);
  run.kill("SIGINT");
  await canceling.reached;
  release();
  const { id } = await given.newestJob();
  await expect.poll(async () => (await given.job(id)).status).toBe("succeeded");
  canceling.release();
  const { code, stderr } = await run.ended;
  expect(code).toBe(130);
  expect(stderr).toContain(
    `Interrupted, but the job had ended before: succeeded.\nIts video: avatar resume ${id} -o out.mp4\n`,
  );
});

test("Ctrl-C while the video is being saved leaves no file, and tells where the video is", async () => {
  const proxy = await useProxy();
  const linking = proxy.hold("GET /v1/jobs/:id/result");
  const run = given.start(GENERATE, { env: proxy.env });
  await linking.reached;
  run.kill("SIGINT");
  const { code, stderr } = await run.ended;
  const { id } = await given.newestJob();
  expect(code).toBe(130);
  expect(stderr).toContain("Error: Interrupted while the video was being saved.\n");
  expect(stderr).toContain(`The video is kept on the server: avatar resume ${id} -o out.mp4\n`);
  expect(await readdir(given.cwd)).toEqual([]);
});
