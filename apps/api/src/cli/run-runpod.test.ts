import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type FakeManagement, startFakeManagement } from "../../test/support/fake-management.ts";
import { runRunPod } from "./run-runpod.ts";

const ARGS = ["deploy", "--image", "me/worker:1", "--allowed-hosts", "r2.example", "--volume", "vol1"];
const DEPLOYMENT = JSON.parse(
  await readFile(new URL("../../../../deploy/runpod/endpoint.json", import.meta.url), "utf8"),
);

async function run(management: FakeManagement, args = ARGS, env: Record<string, string> = {}) {
  const said: string[] = [];
  const code = await runRunPod({
    args,
    env: { RUNPOD_API_KEY: management.apiKey, ...env },
    say: (text) => said.push(text),
    managementUrl: management.url,
  });
  return { code, text: said.join("\n") };
}

async function aFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "avatar-deployment-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "endpoint.json");
  await writeFile(path, text);
  return path;
}

/** A deployed endpoint that nobody changed since. */
async function startDeployed(): Promise<FakeManagement> {
  const management = await startFakeManagement();
  expect((await run(management)).code).toBe(0);
  management.changes.length = 0;
  return management;
}

test("a dry run shows all that would be made, and makes nothing", async () => {
  const management = await startFakeManagement();
  const { code, text } = await run(management, [...ARGS, "--dry-run"]);
  expect(code).toBe(0);
  expect(text.split("\n")).toEqual([
    "endpoint avatar is new",
    '  type: "QUEUE"',
    '  image: "me/worker:1"',
    "  disk: 30",
    '  env.ENGINE: "infinitetalk"',
    '  env.PROFILE: "fast"',
    '  env.MAX_SECONDS: "120"',
    '  env.ALLOWED_HOSTS: "r2.example"',
    '  env.RUNPOD_INIT_TIMEOUT: "900"',
    '  gpu.pools: ["ADA_48_PRO"]',
    '  gpu.excludedTypes: ["NVIDIA L40","NVIDIA RTX 6000 Ada Generation"]',
    "  gpu.count: 1",
    "  gpu.allowedCudaVersions: []",
    '  gpu.minCudaVersion: "12.4"',
    "  workers.min: 0",
    "  workers.max: 3",
    "  workers.idleTimeout: 5",
    '  scaling.type: "QUEUE_DELAY"',
    "  scaling.queueDelay: 4",
    '  networkVolumes: ["vol1"]',
    "  timeout: 3600000",
    '  flashboot: "FLASHBOOT"',
    "Nothing was changed.",
  ]);
  expect(management.changes).toEqual([]);
});

test("the endpoint is made as the file says, and a second deploy has nothing to do", async () => {
  const management = await startFakeManagement();
  const { code, text } = await run(management);
  expect(code).toBe(0);
  expect(text).toContain(`RUNPOD_ENDPOINT_ID=${management.endpoints[0]?.id}`);
  const body = {
    ...DEPLOYMENT,
    image: "me/worker:1",
    env: { ...DEPLOYMENT.env, ALLOWED_HOSTS: "r2.example" },
    networkVolumes: ["vol1"],
  };
  expect(management.changes).toEqual([{ request: "POST /serverless", body }]);
  expect(management.endpoints[0]).toMatchObject(body);

  const again = await run(management);
  expect(again).toMatchObject({ code: 0, text: expect.stringContaining("\n  as it should be\nDone.") });
  expect(management.changes).toHaveLength(1);
});

test("only what differs is changed: a new image, and workers that RunPod took away", async () => {
  const management = await startDeployed();
  Object.assign(management.endpoints[0] ?? {}, { workers: { min: 0, max: 0, idleTimeout: 5 } });
  const args = ARGS.with(2, "me/worker:2");
  const dry = await run(management, [...args, "--dry-run"]);
  expect(dry.text).toContain("workers.max: 0 -> 3");
  expect(dry.text).toContain('image: "me/worker:1" -> "me/worker:2"');
  expect(management.changes).toEqual([]);

  await run(management, args);
  expect(management.changes).toEqual([
    {
      request: "PATCH /serverless",
      body: { image: "me/worker:2", workers: { min: 0, max: 3, idleTimeout: 5 } },
    },
  ]);
  expect((await run(management, args)).text).toContain("as it should be");
});

test("variables that were set by hand stay, and no variable's value is shown", async () => {
  const management = await startDeployed();
  Object.assign(management.endpoints[0]?.env ?? {}, { HF_TOKEN: "hf_secret", PROFILE: "quality" });
  const { text } = await run(management);
  expect(text).toContain('env.PROFILE: another value -> "fast"');
  expect(text).not.toMatch(/hf_secret|quality/);
  expect(management.endpoints[0]?.env).toEqual({
    ...DEPLOYMENT.env,
    ALLOWED_HOSTS: "r2.example",
    HF_TOKEN: "hf_secret",
  });
});

test("FlashBoot that was turned off by hand is shown and turned on again", async () => {
  const management = await startDeployed();
  Object.assign(management.endpoints[0] ?? {}, { flashboot: "OFF" });
  expect((await run(management)).text).toContain('flashboot: "OFF" -> "FLASHBOOT"');
  expect(management.changes).toEqual([{ request: "PATCH /serverless", body: { flashboot: "FLASHBOOT" } }]);
});

test("a CUDA version that was unset by hand is set again, with the GPUs it belongs to", async () => {
  const management = await startDeployed();
  Object.assign(management.endpoints[0]?.gpu ?? {}, { minCudaVersion: null });
  expect((await run(management)).text).toContain('gpu.minCudaVersion: unset -> "12.4"');
  expect(management.changes).toEqual([{ request: "PATCH /serverless", body: { gpu: DEPLOYMENT.gpu } }]);
  expect((await run(management)).text).toContain("as it should be");
});

test("what RunPod does not tell is no difference for ever, and goes along with the next change", async () => {
  const management = await startFakeManagement();
  management.untold = ["excludedTypes", "minCudaVersion"];
  await run(management);
  const again = await run(management);
  expect(again.text).toContain("as it should be");
  expect(again.text).toContain("gpu.excludedTypes: RunPod does not tell it; it is sent with the next change");
  expect(management.changes).toHaveLength(1);

  const other = await run(management, ARGS.with(2, "me/worker:2"));
  expect(other.text).toContain('gpu.minCudaVersion: not told -> "12.4"');
  expect(management.changes[1]?.body).toEqual({ image: "me/worker:2", gpu: DEPLOYMENT.gpu });
});

test("lists in another order are the same", async () => {
  const management = await startDeployed();
  Object.assign(management.endpoints[0]?.gpu ?? {}, {
    excludedTypes: DEPLOYMENT.gpu.excludedTypes.toReversed(),
  });
  expect((await run(management)).text).toContain("as it should be");
});

test("of several endpoints with the name, the operator says which", async () => {
  const management = await startFakeManagement();
  management.addEndpoint({ id: "one", name: "avatar" });
  management.addEndpoint({ id: "two", name: "avatar -fb" });
  const unclear = await run(management);
  expect(unclear).toMatchObject({ code: 1, text: expect.stringContaining("RUNPOD_ENDPOINT_ID") });
  expect(management.changes).toEqual([]);
  await run(management, ARGS, { RUNPOD_ENDPOINT_ID: "two" });
  expect(management.endpoints.map((each) => each.workers.max)).toEqual([2, 3]);
  const wrong = await run(management, ARGS, { RUNPOD_ENDPOINT_ID: "three" });
  expect(wrong).toMatchObject({ code: 1, text: expect.stringContaining("no endpoint three") });
});

test("an endpoint of another type, which RunPod does not change, is left alone", async () => {
  const management = await startFakeManagement();
  management.addEndpoint({ name: "avatar", type: "LOAD_BALANCER" });
  expect(await run(management)).toEqual({ code: 1, text: expect.stringMatching(/LOAD_BALANCER.*delete it/) });
  expect(management.changes).toEqual([]);
});

test("a private image's credential is sent", async () => {
  const management = await startFakeManagement();
  const file = await aFile(JSON.stringify({ ...DEPLOYMENT, registry: "cred1" }));
  expect((await run(management, [...ARGS, "--file", file])).text).toContain('registry: "cred1"');
  expect(management.endpoints[0]?.registry).toBe("cred1");
});

test.each([
  ["a wrong key", { status: 401, body: "" }, 1, /refuses the key/],
  [
    "no money",
    { status: 400, body: "insufficient balance of rpa_management" },
    1,
    /400: insufficient balance of \[secret\]/,
  ],
  ["a page of a proxy", { status: 200, body: "<html>" }, 1, /not what its documentation says/],
])("%s is told", async (_, failure, code, message) => {
  const management = await startFakeManagement();
  management.failure = failure;
  expect(await run(management)).toEqual({ code, text: expect.stringMatching(message) });
});

test.each([[["--help"]], [["deploy", "-h"]]])("%j prints the usage and ends with 0", async (args) => {
  const management = await startFakeManagement();
  expect(await run(management, args, { RUNPOD_API_KEY: "" })).toEqual({
    code: 0,
    text: expect.stringMatching(/^Usage:.*console, Storage/s),
  });
});

test.each([
  ["nothing", [], {}, /^Usage/],
  ["an unknown option", [...ARGS, "--yes"], {}, /^Unknown option '--yes'.*\n\nUsage/],
  ["an unknown command", ["destroy"], {}, /^Unknown command: destroy\n\nUsage/],
  ["no key", ARGS, { RUNPOD_API_KEY: "" }, /^RUNPOD_API_KEY/],
  ["no image, hosts or volume", ["deploy"], {}, /^--image.*\n--allowed-hosts.*\n--volume.*Storage/],
  [
    "nothing but the command",
    ["deploy"],
    { RUNPOD_API_KEY: "" },
    /^RUNPOD_API_KEY.*\n--image.*\n.*\n--volume/,
  ],
  ["a file that is not there", [...ARGS, "--file", "nowhere.json"], {}, /nowhere\.json: cannot be read/],
  ["a file that is something else", [...ARGS, "--file", "package.json"], {}, /package\.json/],
])("%s ends with 2 and a remedy", async (_, args, env, message) => {
  const management = await startFakeManagement();
  expect(await run(management, args, env)).toEqual({ code: 2, text: expect.stringMatching(message) });
});

test("a file that is broken JSON ends with 2 and a remedy, not with a stack trace", async () => {
  const management = await startFakeManagement();
  const file = await aFile('{ "name": "avatar", }');
  const { code, text } = await run(management, [...ARGS, "--file", file]);
  expect(code).toBe(2);
  expect(text).toMatch(/^\S+endpoint\.json: is not JSON \(.*\)\. Correct it; /);
  expect(text).toContain(file);
});
