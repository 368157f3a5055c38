import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { createChecker, expectThat, type Report } from "./findings.ts";
import type { ObjectStore, SignedPut } from "./object-store.ts";
import { checkLifecycle, expectOrigin, expectPreflight } from "./r2-check-settings.ts";
import { createR2Client, type R2Config, reasonOf } from "./r2-client.ts";
import { createR2ObjectStore } from "./r2-object-store.ts";
import { clockRemedy, remedyFor } from "./r2-remedies.ts";
import type { Lifetimes } from "./r2-setup.ts";

interface Options {
  config: R2Config;
  lifetimes: Lifetimes;
  now: () => Date;
  report: Report;
}

/** S3 and R2 take no smaller part, but for the last one. */
const PART_BYTES = 5 * 1024 * 1024;
const MAX_CLOCK_DIFFERENCE_MS = 5 * 60_000;
const TIMEOUT_MS = 15_000;
const contentType = "application/octet-stream";
const CONDITIONAL =
  "The store takes a second object where If-None-Match: * forbids it, so uploads could be replaced. Use R2, or another " +
  "server that honours it.";
const DELETE =
  'The API token needs "Object Read & Write" on this bucket, and no rule may lock its objects. Delete check/ by hand.';
const LINKS =
  "The store takes what the link does not allow. Use R2, or another server that checks what was signed.";

/** Does with the bucket all that the server does, under names of its own below `check/`. Leaves nothing there. */
export async function checkR2({ config, lifetimes, now, report }: Options): Promise<void> {
  const check = createChecker(report, remedyFor);
  const directory = await mkdtemp(join(tmpdir(), "avatar-check-"));
  const client = createR2Client(config);
  const store = createR2ObjectStore({ config, directory, now });
  const root = `check/${randomUUID()}`;
  const keys: string[] = [];
  const newKey = () => {
    const key = `${root}/${keys.length + 1}`;
    keys.push(key);
    return key;
  };
  const inAnHour = () => new Date(now().getTime() + 3_600_000);
  try {
    await store.start();
    let difference = 0;
    const isReached = await check(`connect to R2_ENDPOINT ${config.endpoint}`, async () => {
      const answer = await request(config.endpoint, { method: "HEAD", redirect: "manual" });
      const date = Date.parse(answer.headers.get("date") ?? "");
      difference = Number.isNaN(date) ? 0 : now().getTime() - date;
    });
    if (!isReached) return skipRest(report);
    await check("this machine's clock agrees with the store's", async () => {
      const seen = `it differs by ${Math.round(Math.abs(difference) / 60_000)} minutes`;
      expectThat(Math.abs(difference) <= MAX_CLOCK_DIFFERENCE_MS, seen, clockRemedy);
    });
    const isReadable = await check(
      `list bucket ${config.bucket} (R2_BUCKET) with R2_ACCESS_KEY_ID`,
      async () => {
        await client.send(
          new ListObjectsV2Command({ Bucket: config.bucket, Prefix: `${root}/`, MaxKeys: 1 }),
        );
      },
    );
    if (!isReadable) return skipRest(report);

    const key = newKey();
    const bytes = randomBytes(1000);
    const isWritable = await check("put an object", async () => {
      await store.put(key, chunks(bytes), { contentType });
    });
    if (!isWritable) return skipRest(report);
    await check("head: its size and type", async () => {
      const facts = await store.head(key);
      expectThat(facts?.bytes === 1000, `the size is ${facts?.bytes}, not 1000`);
      expectThat(facts.contentType === contentType, `the type is ${facts.contentType}`);
    });
    await check("read a range of it", async () => {
      const part = await buffer(await store.read(key, { start: 10, end: 20 }));
      expectThat(part.equals(bytes.subarray(10, 20)), `${part.length} other bytes than 10 to 19 came`);
    });
    await check("a conditional put takes no second object", async () => {
      const command = () =>
        new PutObjectCommand({ Bucket: config.bucket, Key: key, Body: "second", IfNoneMatch: "*" });
      const refusal = await client.send(command()).then(() => "nothing", reasonOf);
      expectThat(refusal === "PreconditionFailed", `it was refused with ${refusal}`, CONDITIONAL);
    });
    await checkLinks({ check, store, newKey, inAnHour });
    await check("multipart: two parts by signed links become one object", async () => {
      const joined = newKey();
      const parts = [randomBytes(PART_BYTES), randomBytes(1)];
      const sizes = parts.map((part) => part.length);
      const { token, links } = await store.signParts(joined, {
        contentType,
        bytes: sizes,
        expiresAt: inAnHour(),
      });
      try {
        for (const [index, { url, headers }] of links.entries()) {
          const answer = await request(url, { method: "PUT", headers, body: parts[index] ?? null });
          expectThat(answer.ok, `part ${index + 1} was answered with ${answer.status}`);
        }
        expectThat(await store.joinParts(joined, token, sizes), "not all parts were there");
        expectThat((await store.head(joined))?.bytes === PART_BYTES + 1, "the object has another size");
      } finally {
        await store.dropParts(joined, token);
      }
    });
    const origin = `https://${randomUUID()}.example`;
    await check("CORS: a web page of any origin may upload", async () => {
      const { url } = await store.signPut(newKey(), promise(bytes, inAnHour()));
      await expectPreflight(url, origin, "PUT", "content-type,if-none-match,x-amz-checksum-sha256");
    });
    await check("CORS: a web page of any origin may download", async () => {
      const url = await store.signGet(key, { contentType, fileName: "check.bin", expiresAt: inAnHour() });
      await expectPreflight(url, origin, "GET", "range,if-range");
      expectOrigin(await request(url, { headers: { origin } }), origin);
    });
    await checkLifecycle(client, config.bucket, lifetimes, report);
  } finally {
    if (keys.length > 0)
      await check("delete all of it again, as a batch", async () => {
        const failed = await store.delete(keys);
        const seen = `${failed.length} objects below ${root}/ could not be deleted`;
        expectThat(failed.length === 0, seen, DELETE);
        for (const key of keys) expectThat(!(await store.head(key)), `${key} is still there`);
      });
    client.destroy();
    await store.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

interface LinkChecks {
  check: ReturnType<typeof createChecker>;
  store: ObjectStore;
  newKey: () => string;
  inAnHour: () => Date;
}

/** With plain requests, as customers and workers send them. */
async function checkLinks({ check, store, newKey, inAnHour }: LinkChecks): Promise<void> {
  const key = newKey();
  const bytes = randomBytes(1000);
  const fresh = () => store.signPut(newKey(), promise(bytes, inAnHour()));
  const put = async ({ url, headers }: { url: string; headers: Record<string, string> }, body: Buffer) =>
    (await request(url, { method: "PUT", headers, body })).status;
  const expectRefusal = (status: number) =>
    expectThat(status >= 400 && status < 500, `it was answered with ${status}`, LINKS);

  await check("a signed PUT link takes the bytes that it is for", async () => {
    const status = await put(await store.signPut(key, promise(bytes, inAnHour())), bytes);
    expectThat(status === 200, `it was answered with ${status}`);
  });
  await check("the same link takes no second object (412)", async () => {
    const status = await put(await store.signPut(key, promise(bytes, inAnHour())), bytes);
    expectThat(status === 412, `it was answered with ${status}`, CONDITIONAL);
  });
  await check("a signed PUT link refuses other bytes than its sha256 says", async () => {
    expectRefusal(await put(await fresh(), randomBytes(1000)));
  });
  await check("a signed PUT link refuses another length", async () => {
    expectRefusal(await put(await fresh(), bytes.subarray(1)));
  });
  await check("a signed PUT link refuses to be used without its headers", async () => {
    expectRefusal(await put({ ...(await fresh()), headers: {} }, bytes));
  });
  await check("a signed GET link gives the bytes, and a range of them", async () => {
    const url = await store.signGet(key, {
      contentType: "audio/wav",
      fileName: "a.wav",
      expiresAt: inAnHour(),
    });
    const whole = await request(url);
    expectThat(whole.status === 200, `it was answered with ${whole.status}`);
    expectThat(whole.body.equals(bytes), "other bytes came");
    expectThat(whole.headers.get("content-type") === "audio/wav", "the type is not the link's");
    const part = await request(url, { headers: { range: "bytes=990-" } });
    expectThat(part.status === 206, `a range was answered with ${part.status}`);
    expectThat(part.body.equals(bytes.subarray(990)), "other bytes than the range came");
  });
}

const promise = (bytes: Buffer, expiresAt: Date): SignedPut => ({
  contentType,
  bytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  once: true,
  expiresAt,
});

async function request(url: string, init: RequestInit = {}) {
  const answer = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const { status, ok, headers } = answer;
  return { status, ok, headers, body: Buffer.from(await answer.arrayBuffer()) };
}

async function* chunks(bytes: Buffer) {
  yield bytes;
}

const skipRest = (report: Report) =>
  report({ result: "FAILED", what: "all that follows was not tried, as it needs this" });
