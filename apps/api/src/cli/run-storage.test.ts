import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type FakeS3, startFakeS3 } from "../../test/support/fake-s3.ts";
import { runStorage } from "./run-storage.ts";

const envOf = (s3: FakeS3) => ({
  R2_ENDPOINT: s3.endpoint,
  R2_BUCKET: s3.bucket,
  R2_ACCESS_KEY_ID: s3.accessKeyId,
  R2_SECRET_ACCESS_KEY: s3.secretAccessKey,
});

async function run(args: string, env: Record<string, string>, now?: () => Date) {
  const said: string[] = [];
  const code = await runStorage({
    args: args.split(" "),
    env,
    say: (text) => said.push(text),
    ...(now && { now }),
  });
  const text = said.join("\n");
  expect(text).not.toMatch(/X-Amz-|Signature=/);
  if (env.R2_SECRET_ACCESS_KEY) expect(text).not.toContain(env.R2_SECRET_ACCESS_KEY);
  return { code, text, failed: said.filter((line) => line.startsWith("FAILED")).join("\n") };
}

/** With all rules in place. */
async function startReady(): Promise<FakeS3> {
  const s3 = await startFakeS3();
  onTestFinished(() => s3.stop());
  expect((await run("setup --apply", envOf(s3))).code).toBe(0);
  return s3;
}

test("all is well after setup, and nothing stays in the bucket", async () => {
  const s3 = await startReady();
  const { code, text, failed } = await run("check", envOf(s3));
  expect([code, failed]).toEqual([0, ""]);
  expect(text).toContain("18 ok, 0 to look at, 0 failed");
  expect(s3.objects.size).toBe(0);
});

test("before setup, web pages cannot use the bucket and nothing expires", async () => {
  const s3 = await startFakeS3();
  onTestFinished(() => s3.stop());
  const { code, text, failed } = await run("check", envOf(s3));
  expect(code).toBe(1);
  expect(failed).toMatch(/may upload: .*403.*may download: .*403.*lifecycle net.*: there are no rules/s);
  expect(text).toContain("Settings > CORS policy");
  expect(text).toContain("15 ok, 0 to look at, 3 failed");
  expect(s3.objects.size).toBe(0);
});

test.each([
  ["a wrong secret", { R2_SECRET_ACCESS_KEY: "wrong" }, "list bucket", "R2_SECRET_ACCESS_KEY: it is not"],
  [
    "an unknown key",
    { R2_ACCESS_KEY_ID: "unknown" },
    "list bucket",
    "R2_ACCESS_KEY_ID: the store knows no such",
  ],
  ["a missing bucket", { R2_BUCKET: "missing" }, "list bucket", "R2_BUCKET: there is no such bucket"],
])("%s is named, and what needs it is not tried", async (_name, wrong, step, remedy) => {
  const s3 = await startReady();
  const { code, text, failed } = await run("check", { ...envOf(s3), ...wrong });
  expect(code).toBe(1);
  expect(failed.split("\n")[0]).toContain(step);
  expect(failed).toContain("all that follows was not tried");
  expect(text).toContain(remedy);
});

test("a store that cannot be reached is named, and nothing else is tried", async () => {
  const s3 = await startReady();
  await s3.down();
  const { code, text, failed } = await run("check", envOf(s3));
  expect(code).toBe(1);
  expect(failed).toMatch(/^FAILED {2}connect to .*ECONNREFUSED/);
  expect(text).toContain("R2_ENDPOINT: it must be");
  expect(text).toContain("0 ok, 0 to look at, 2 failed");
});

test("a key that may only read is told which permission it needs", async () => {
  const s3 = await startReady();
  s3.faults.when(({ method }) =>
    method === "GET" || method === "HEAD" ? undefined : { status: 403, code: "AccessDenied" },
  );
  const { code, text, failed } = await run("check", envOf(s3));
  expect(code).toBe(1);
  expect(failed).toContain("put an object");
  expect(text).toContain('"Object Read & Write"');
});

test.each([
  ["if-none-match", ["a conditional put takes no second object", "takes no second object (412)"]],
  ["x-amz-checksum-sha256", ["refuses other bytes than its sha256 says"]],
])("a store that takes no notice of %s is found out", async (header, steps) => {
  const s3 = await startReady();
  s3.ignores.add(header);
  const { code, failed } = await run("check", envOf(s3));
  expect(code).toBe(1);
  expect(failed.split("\n").filter((line) => line.startsWith("FAILED"))).toEqual(
    steps.map((step) => expect.stringContaining(step)),
  );
  expect(s3.objects.size).toBe(0);
});

test.each([
  [6, 1, "it differs by 6 minutes"],
  [-6, 1, "it differs by 6 minutes"],
  [4, 0, ""],
])("a clock that is %i minutes ahead gives exit code %i", async (minutes, expected, seen) => {
  const s3 = await startReady();
  const { code, failed } = await run("check", envOf(s3), () => new Date(Date.now() + minutes * 60_000));
  expect(code).toBe(expected);
  expect(failed).toContain(seen);
});

test("rules that the key may not see are a warning", async () => {
  const s3 = await startReady();
  s3.faults.when(({ operation }) =>
    operation.startsWith("GetBucket") ? { status: 403, code: "AccessDenied" } : undefined,
  );
  const { code, text } = await run("check", envOf(s3));
  expect(code).toBe(0);
  expect(text).toMatch(/^warning lifecycle net/m);
});

test("objects that cannot be deleted are named, and so is a multipart upload that breaks", async () => {
  const s3 = await startReady();
  s3.faults.when(({ operation }) => {
    if (operation === "DeleteObjects") return { code: "AccessDenied", keys: () => true };
    return operation === "UploadPart" ? { status: 500, code: "InternalError" } : undefined;
  });
  const { failed } = await run("check", envOf(s3));
  expect(failed).toMatch(/multipart.*part 1 was answered with 500.*could not be deleted/s);
});

test("videos and uploads that live longer lengthen the net, and a shorter one is found out", async () => {
  const s3 = await startReady();
  const longer = { ...envOf(s3), VIDEO_TTL_SECONDS: "90000", QUEUE_TIMEOUT_SECONDS: "86400" };
  const { failed } = await run("check", longer);
  expect(failed).toContain("uploads/ expires after 1 day(s), but may be needed for 3");
  expect(failed).toContain("videos/ expires after 1 day(s), but may be needed for 3");
  const { text } = await run("setup --apply", longer);
  expect(text).toContain("The bucket had other lifecycle rules, which are replaced:");
  expect((await run("check", longer)).code).toBe(0);
});

test("a key that may not change the bucket is told to take another for this", async () => {
  const s3 = await startFakeS3();
  onTestFinished(() => s3.stop());
  s3.faults.when(() => ({ status: 403, code: "AccessDenied" }));
  const { code, text, failed } = await run("setup --apply", envOf(s3));
  expect(code).toBe(1);
  expect(failed).toMatch(/CORS rules.*.*lifecycle rules/s);
  expect(text).toContain('"Admin Read & Write"');
});

test("setup alone prints the rules and sends nothing", async () => {
  const { code, text } = await run("setup", {});
  expect(code).toBe(0);
  expect(text).toContain('"AllowedOrigins"');
  expect((await run("setup --apply", {})).code).toBe(2);
});

test("a bad configuration and a bad command are exit code 2", async () => {
  const bad = await run("check", { R2_BUCKET: "avatar" });
  expect(bad).toMatchObject({ code: 2, text: expect.stringContaining("R2_ENDPOINT") });
  expect(await run("erase", {})).toMatchObject({ code: 2, text: expect.stringContaining("Usage") });
});

async function newDirectory() {
  const directory = await mkdtemp(join(tmpdir(), "storage-check-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

test("a disk is checked, and nothing stays there", async () => {
  const directory = await newDirectory();
  const { code, text } = await run("check", { DATA_DIR: join(directory, "a", "b") });
  expect([code, text]).toEqual([0, expect.stringContaining("links start with http://127.0.0.1:8787")]);
  expect(await readdir(directory)).toEqual([]);
  const env = { DATA_DIR: directory, PUBLIC_BASE_URL: "https://api.example.com/" };
  expect((await run("check", env)).text).toContain(
    "links start with https://api.example.com (PUBLIC_BASE_URL)",
  );
});

test("a folder that cannot be made is named", async () => {
  const directory = await newDirectory();
  await writeFile(join(directory, "file"), "");
  const { code, text, failed } = await run("check", { DATA_DIR: join(directory, "file", "data") });
  expect([code, failed]).toEqual([1, expect.stringContaining("ENOTDIR")]);
  expect(text).toContain("DATA_DIR: give a folder");
});
