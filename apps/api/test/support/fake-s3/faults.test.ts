import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GetObjectCommand, HeadBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect, onTestFinished, test } from "vitest";
import { startFakeS3 } from "../fake-s3.ts";
import { until } from "../until.ts";
import { clientOf, refusalOf, startS3AndClient } from "./test-client.ts";

async function startWithObject() {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "key" };
  const put = (Body = "body") => refusalOf(client.send(new PutObjectCommand({ ...at, Body })));
  const get = () => client.send(new GetObjectCommand(at)).then(async ({ Body }) => Body?.transformToString());
  await put();
  return { s3, client, at, put, get };
}

test("errors come for the requests that they are made for", async () => {
  const { s3, put, get } = await startWithObject();
  s3.faults.next = [
    { status: 503, code: "SlowDown" },
    { status: 500, code: "InternalError" },
  ];
  expect([await put(), await put(), await put()]).toEqual(["SlowDown", "InternalError", "nothing"]);
  const mend = s3.faults.when(({ operation, key }) =>
    operation === "GetObject" && key === "key" ? { status: 503, code: "SlowDown" } : undefined,
  );
  expect([await refusalOf(get()), await put()]).toEqual(["SlowDown", "nothing"]);
  mend();
  expect(await get()).toBe("body");
  expect(s3.requests.map(({ status }) => status)).toEqual([200, 503, 500, 200, 503, 200, 200]);
});

test("a client that tries again gets over it", async () => {
  const { s3 } = await startWithObject();
  const client = clientOf(s3, { maxAttempts: 3 });
  s3.faults.next = [{ status: 503, code: "SlowDown" }, "reset"];
  await client.send(new HeadBucketCommand({ Bucket: s3.bucket }));
  expect(s3.requests.slice(1).map(({ status }) => status)).toEqual([503, undefined, 200]);
});

test("a connection is lost before the work or after it", async () => {
  const { s3, put } = await startWithObject();
  s3.faults.next = ["reset"];
  expect(await put("lost")).not.toBe("nothing");
  expect(await s3.objects.get("key")?.read()).toEqual(Buffer.from("body"));
  s3.faults.next = ["reset after"];
  expect(await put("kept")).not.toBe("nothing");
  expect(await s3.objects.get("key")?.read()).toEqual(Buffer.from("kept"));
  expect(s3.requests.slice(1).map(({ status }) => status)).toEqual([undefined, undefined]);
});

test("half of a body comes, and then nothing", async () => {
  const { s3, client, at, put } = await startWithObject();
  await put("x".repeat(1_000_000));
  s3.faults.next = ["truncate"];
  const response = await fetch(await getSignedUrl(client, new GetObjectCommand(at)));
  let bytes = 0;
  const read = async () => {
    for await (const chunk of response.body ?? []) bytes += chunk.length;
  };
  await expect(read()).rejects.toThrow();
  expect([response.headers.get("content-length"), bytes]).toEqual(["1000000", 500_000]);
});

test("a request that hangs is never answered, and ends with the server", async () => {
  const { s3, put } = await startWithObject();
  s3.faults.next = ["hang"];
  const hanging = put("late");
  await until("it has come", () => s3.requests.length === 2);
  await s3.stop();
  expect(await hanging).not.toBe("nothing");
});

test("it goes down and comes up again where it was", async () => {
  const { s3, put, get } = await startWithObject();
  s3.faults.next = ["hang"];
  const cut = put();
  await until("it has come", () => s3.requests.length === 2);
  await s3.down();
  expect(await cut).not.toBe("nothing");
  await expect(fetch(s3.endpoint)).rejects.toThrow();
  expect(await refusalOf(get())).not.toBe("nothing");
  await s3.up();
  expect(await get()).toBe("body");
});

test("an upload that breaks off leaves nothing", async () => {
  const directory = await mkdtemp(join(tmpdir(), "fake-s3-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const s3 = await startFakeS3({ directory });
  const url = await getSignedUrl(clientOf(s3), new PutObjectCommand({ Bucket: s3.bucket, Key: "key" }));
  const sent = request(url, { method: "PUT", headers: { "content-length": 1_000_000 } });
  sent.on("error", () => {}).write(randomBytes(500_000));
  const files = async () => (await readdir(directory, { recursive: true })).slice(1);
  await until("some of it is on disk", async () => (await files()).length === 1);
  sent.destroy();
  await until("it is gone", async () => (await files()).length === 0);
  expect(s3.objects.size).toBe(0);
  await s3.stop();
  expect(await readdir(directory)).toEqual([]);
});

test("a body is never in memory as a whole", async () => {
  const { s3, client, at } = await startWithObject();
  const chunk = randomBytes(1024 ** 2);
  const chunks = 256;
  const url = await getSignedUrl(client, new PutObjectCommand(at));
  let peak = 0;
  const before = process.memoryUsage().rss;
  const measure = () => {
    peak = Math.max(peak, process.memoryUsage().rss - before);
  };
  const sent = request(url, { method: "PUT", headers: { "content-length": chunk.length * chunks } });
  const answered = once(sent, "response");
  for (let i = 0; i < chunks; i++) {
    if (!sent.write(chunk)) await once(sent, "drain");
    measure();
  }
  sent.end();
  const [response] = await answered;
  expect(response.statusCode).toBe(200);
  let bytes = 0;
  const got = await fetch(await getSignedUrl(client, new GetObjectCommand(at)));
  for await (const each of got.body ?? []) {
    bytes += each.length;
    measure();
  }
  expect(bytes).toBe(chunk.length * chunks);
  expect(s3.objects.get("key")?.bytes).toBe(bytes);
  // Whatever the garbage collector leaves lying about is less than one copy.
  expect(peak).toBeLessThan(chunk.length * chunks * 0.75);
});
