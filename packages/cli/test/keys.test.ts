import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { useApi } from "./support/use-api.ts";

const given = useApi();

async function aKey(input: object) {
  const { body } = await given.api.rest("POST", "/v1/keys", {
    owner: "acme",
    name: "their backend",
    ...input,
  });
  return body;
}

test("keys check tells what a key may do", async () => {
  const { key, ...made } = await aKey({ mode: "test", limits: { jobsInFlight: 3, usdPerMonth: 50 } });
  const env = { AVATAR_API_KEY: key };
  const { code, stdout, stderr } = await given.run(["keys", "check"], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.trimEnd().split("\n")).toEqual([
    `key        ${made.hint} is valid`,
    `id         ${made.id}`,
    "name       their backend",
    "owner      acme",
    "mode       test: previews, for free",
    "scopes     generate, read",
    "limits     3 unfinished jobs, 50 dollars a month",
    "expires    never",
    expect.stringMatching(/^last used {2}/),
    expect.stringMatching(/^days {7}\d{4}-\d\d-01 to /),
    "jobs       0 made, 0 succeeded, 0 failed, 0 canceled",
    "videos     0 s in all",
    "cost       $0.0000, 0 s of a GPU",
    "left       3 of 3 unfinished jobs",
    expect.stringMatching(/^left {7}50 of 50 dollars a month, until /),
  ]);
  expect(stdout).not.toContain(key);
  const json = JSON.parse((await given.run(["keys", "check", "--json"], { env })).stdout);
  expect(json).toMatchObject({
    key: { id: made.id, mode: "test", limits: { jobsInFlight: 3, usdPerMonth: 50 } },
    usage: { totals: { jobs: 0 } },
  });
});

test("a key that may not see its usage is valid all the same", async () => {
  const { key } = await aKey({ scopes: ["generate"] });
  const { code, stdout } = await given.run(["keys", "check"], { env: { AVATAR_API_KEY: key } });
  expect(code).toBe(0);
  expect(stdout).toMatch(/^scopes +generate$/m);
  expect(stdout).not.toMatch(/^jobs/m);
});

test("a revoked key is refused with what to do", async () => {
  const { key, id } = await aKey({});
  await given.api.rest("POST", `/v1/keys/${id}/revoke`);
  const { code, stdout, stderr } = await given.run(["keys", "check"], { env: { AVATAR_API_KEY: key } });
  expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
  expect(stderr).toMatch(/^Error: .*\nSet AVATAR_API_KEY, or pass --key-file\./);
  expect(stderr).not.toContain(key);
});

test.each([
  ["mistyped", (key: string) => key.replace(/T/, "t")],
  ["cut off", (key: string) => key.slice(0, -1)],
])("a key that is %s is seen before anything is sent", async (_, spoil) => {
  const env = { AVATAR_API_KEY: spoil(given.api.apiKey), AVATAR_BASE_URL: "http://127.0.0.1:9" };
  const { code, stderr } = await given.run(["keys", "check"], { env });
  expect(code).toBe(3);
  expect(stderr).toMatch(
    /^Error: The API key is mistyped or cut off: its checksum is wrong\.\nSet AVATAR_API_KEY/,
  );
  expect(stderr).not.toContain(env.AVATAR_API_KEY);
});

test("a key is read from a file, or from stdin", async () => {
  const env = { AVATAR_API_KEY: "" };
  await writeFile(join(given.cwd, "key"), `${given.api.apiKey}\n`);
  expect((await given.run(["keys", "check", "--key-file", "key"], { env })).code).toBe(0);
  const stdin = `${given.api.apiKey}\n`;
  expect((await given.run(["keys", "check", "--key-file", "-"], { env, stdin })).code).toBe(0);
  const none = await given.run(["keys", "check", "--key-file", "none"], { env });
  expect(none).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--key-file cannot be read: ENOENT"),
  });
});

test("--base-url is used instead of AVATAR_BASE_URL", async () => {
  const env = { AVATAR_BASE_URL: "https://nowhere.invalid" };
  expect((await given.run(["keys", "check", "--base-url", `${given.api.url}/`], { env })).code).toBe(0);
});
