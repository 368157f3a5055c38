import { expect, test } from "vitest";
import { type FakeManagement, startFakeManagement } from "../../test/support/fake-management.ts";
import { runRunPod } from "./run-runpod.ts";

const ARGS = [
  "deploy",
  "--image",
  "docker.io/me/worker:1",
  "--allowed-hosts",
  "r2.example",
  "--volume",
  "vol1",
];

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

test("a dry run shows all that would be made, and makes nothing", async () => {
  const management = await startFakeManagement();
  const { code, text } = await run(management, [...ARGS, "--dry-run"]);
  expect(code).toBe(0);
  expect(text).toContain("template avatar-gpu-worker is new");
  expect(text).toContain('gpuTypeIds: ["NVIDIA L40S"]');
  expect(text).toContain('env ALLOWED_HOSTS: "r2.example"');
  expect(text).toContain("Nothing was changed.");
  expect(management.changes).toEqual([]);
});

test("the template and the endpoint are made, and the second time there is nothing to do", async () => {
  const management = await startFakeManagement();
  const { code, text } = await run(management);
  expect(code).toBe(0);
  expect(text).toContain(`RUNPOD_ENDPOINT_ID=${management.endpoints[0]?.id}`);
  expect(management.changes.map(({ request }) => request)).toEqual(["POST /templates", "POST /endpoints"]);
  expect(management.templates[0]).toMatchObject({ isServerless: true, imageName: "docker.io/me/worker:1" });
  expect(management.endpoints[0]).toMatchObject({
    templateId: management.templates[0]?.id,
    workersMin: 0,
    networkVolumeId: "vol1",
    flashboot: true,
  });

  const again = await run(management);
  expect(again.text.match(/as it should be/g)).toHaveLength(2);
  expect(management.changes).toHaveLength(2);
});

test("only what differs is changed: a new image, and workers that RunPod took away", async () => {
  const management = await startFakeManagement();
  await run(management);
  Object.assign(management.templates[0]?.env as object, { HF_TOKEN: "hf_secret", PROFILE: "quality" });
  Object.assign(management.endpoints[0] ?? {}, { workersMax: 0 });
  management.changes.length = 0;
  const args = [...ARGS];
  args[2] = "docker.io/me/worker:2";
  const dry = await run(management, [...args, "--dry-run"]);
  expect(dry.text).toContain("workersMax: 0 -> 3");
  expect(dry.text).toContain('imageName: "docker.io/me/worker:1" -> "docker.io/me/worker:2"');
  expect(management.changes).toEqual([]);

  const { text } = await run(management, args);
  expect(text).not.toMatch(/hf_secret|quality/);
  expect(management.changes).toEqual([
    {
      request: "PATCH /templates",
      body: {
        imageName: "docker.io/me/worker:2",
        env: expect.objectContaining({ HF_TOKEN: "hf_secret", PROFILE: "fast" }),
      },
    },
    { request: "PATCH /endpoints", body: { workersMax: 3, flashboot: true } },
  ]);
});

test("of several endpoints with the name, the operator says which", async () => {
  const management = await startFakeManagement();
  management.endpoints.push({ id: "one", name: "avatar" }, { id: "two", name: "avatar -fb" });
  const unclear = await run(management);
  expect(unclear).toMatchObject({ code: 1, text: expect.stringContaining("RUNPOD_ENDPOINT_ID") });
  expect(management.changes).toEqual([]);
  await run(management, ARGS, { RUNPOD_ENDPOINT_ID: "two" });
  expect(management.endpoints.map((each) => each.workersMax)).toEqual([undefined, 3]);
  const wrong = await run(management, ARGS, { RUNPOD_ENDPOINT_ID: "three" });
  expect(wrong).toMatchObject({ code: 1, text: expect.stringContaining("no endpoint three") });
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

test.each([
  ["nothing", [], {}, /Usage/],
  ["an unknown option", [...ARGS, "--yes"], {}, /Usage/],
  ["no key", ARGS, { RUNPOD_API_KEY: "" }, /RUNPOD_API_KEY/],
  ["no image, hosts or volume", ["deploy"], {}, /--image.*\n--allowed-hosts.*\n--volume/],
  ["a file that is not there", [...ARGS, "--file", "nowhere.json"], {}, /nowhere\.json: cannot be read/],
  ["a file that is something else", [...ARGS, "--file", "package.json"], {}, /package\.json/],
])("%s ends with 2 and a remedy", async (_, args, env, message) => {
  const management = await startFakeManagement();
  expect(await run(management, args, env)).toEqual({ code: 2, text: expect.stringMatching(message) });
});
