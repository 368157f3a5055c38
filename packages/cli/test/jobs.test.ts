import { beforeAll, expect, test } from "vitest";
import { useApi } from "./support/use-api.ts";

const given = useApi();
const lines = (text: string) => text.trimEnd().split("\n");

let ids: string[];
beforeAll(async () => {
  ids = [];
  for (let count = 0; count < 3; count++) ids.unshift(await given.createJob());
  for (const id of ids) await given.run(["jobs", "watch", id]);
});

test("jobs list shows a line for each job, newest first", async () => {
  const { code, stdout, stderr } = await given.run(["jobs", "list", "--limit", "2"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const [head, ...rows] = lines(stdout);
  expect(head).toMatch(/^JOB +STATUS +CREATED +AUDIO +COST$/);
  expect(rows.map((row) => row.split(/ +/)[0])).toEqual(ids.slice(0, 2));
});

test("jobs list --json gives a line of JSON for each job of all pages", async () => {
  const { stdout } = await given.run(["jobs", "list", "--json", "--status", "succeeded"]);
  expect(lines(stdout).map((line) => JSON.parse(line).id)).toEqual(ids);
});

test("jobs list without jobs prints nothing", async () => {
  const { code, stdout, stderr } = await given.run(["jobs", "list", "--status", "failed"]);
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "", stderr: "There are no such jobs.\n" });
});

test("jobs get shows a job", async () => {
  const [id = ""] = ids;
  expect((await given.run(["jobs", "get", id])).stdout).toMatch(
    new RegExp(`^id +${id}\n(.*\n)*status +succeeded\n(.*\n)*video\\.width +1280\n`),
  );
  const { stdout } = await given.run(["jobs", "get", id, "--json"]);
  expect(JSON.parse(stdout)).toEqual(await given.job(id));
});

test("jobs cancel stops a job, and leaves one that has ended", async () => {
  given.hold();
  const id = await given.createJob();
  expect(await given.run(["jobs", "cancel", id])).toMatchObject({ code: 0, stdout: "canceled\n" });
  expect(await given.job(id)).toMatchObject({ status: "canceled" });
  const again = await given.run(["jobs", "cancel", ids[0] ?? "", "--json"]);
  expect(JSON.parse(again.stdout)).toMatchObject({ id: ids[0], status: "succeeded" });
});

test("jobs watch --json gives each state in a line", async () => {
  const release = given.hold();
  const id = await given.createJob();
  const run = given.start(["jobs", "watch", id, "--json"]);
  await run.said(/"running"/);
  release();
  const { code, stdout, stderr } = await run.ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const states = lines(stdout).map((line) => JSON.parse(line));
  expect(states.map(({ status }) => status)).toEqual(expect.arrayContaining(["running", "succeeded"]));
  expect(states.every((state) => state.id === id)).toBe(true);
});

test("jobs watch ends with what the job ended with", async () => {
  expect(await given.run(["jobs", "watch", ids[0] ?? ""])).toMatchObject({ code: 0, stdout: "succeeded\n" });
  given.api.engine.scripts.push({ fail: "no_face" });
  const id = await given.createJob();
  const { code, stdout, stderr } = await given.run(["jobs", "watch", id]);
  expect({ code, stdout }).toEqual({ code: 6, stdout: "" });
  expect(stderr).toContain("  code     no_face\n");
});

test("whoever has read enough ends the program quietly", async () => {
  const release = given.hold();
  const id = await given.createJob();
  const run = given.start(["jobs", "watch", id, "--json"]);
  await run.said(/"running"/);
  run.child.stdout.destroy();
  release();
  expect(await run.ended).toMatchObject({ code: 0, stderr: "" });
});
