import { createHash, randomBytes } from "node:crypto";
import {
  DeleteBucketCorsCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { refusalOf, startS3AndClient } from "./test-client.ts";

/** What the client makes of a 304, whose body is empty. */
const NOT_MODIFIED = "Unknown";

const sha256 = (body: string | Buffer) => createHash("sha256").update(body).digest("base64");

test("an object comes back as it was put", async () => {
  const time = new Date(Math.floor(Date.now() / 1000) * 1000);
  const { s3, client } = await startS3AndClient({ now: () => time });
  const at = { Bucket: s3.bucket, Key: "videos/a b/ü+'(1)&<>.mp4" };
  const Body = randomBytes(100_000);
  const put = await client.send(
    new PutObjectCommand({
      ...at,
      Body,
      ContentType: "video/mp4",
      CacheControl: "no-store",
      ChecksumSHA256: sha256(Body),
      ContentMD5: createHash("md5").update(Body).digest("base64"),
      Metadata: { job: "job_1" },
    }),
  );
  const got = await client.send(new GetObjectCommand({ ...at, ChecksumMode: "ENABLED" }));
  expect(Buffer.from((await got.Body?.transformToByteArray()) ?? [])).toEqual(Body);
  const facts = {
    ETag: put.ETag,
    ContentType: "video/mp4",
    ContentLength: 100_000,
    CacheControl: "no-store",
    LastModified: time,
    Metadata: { job: "job_1" },
  };
  expect(got).toMatchObject({ ...facts, ChecksumSHA256: sha256(Body) });
  expect(await client.send(new HeadObjectCommand(at))).toMatchObject(facts);

  const stored = s3.objects.get(at.Key);
  expect(await stored?.read()).toEqual(Body);
  expect(stored).toMatchObject({
    bytes: 100_000,
    sha256: createHash("sha256").update(Body).digest("hex"),
    contentType: "video/mp4",
    etag: `"${createHash("md5").update(Body).digest("hex")}"`,
    createdAt: time,
  });
  const path = `/${s3.bucket}/${at.Key}`;
  expect(s3.requests).toEqual([
    { method: "PUT", path, operation: "PutObject", status: 200 },
    { method: "GET", path, operation: "GetObject", status: 200 },
    { method: "HEAD", path, operation: "HeadObject", status: 200 },
  ]);
});

test("what is not there has S3's codes", async () => {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "none" };
  expect(await refusalOf(client.send(new GetObjectCommand(at)))).toBe("NoSuchKey");
  expect(await refusalOf(client.send(new HeadObjectCommand(at)))).toBe("NotFound");
  expect(await refusalOf(client.send(new DeleteObjectCommand(at)))).toBe("nothing");
  expect(await refusalOf(client.send(new GetObjectCommand({ ...at, Bucket: "other" })))).toBe("NoSuchBucket");
  expect(await refusalOf(client.send(new HeadBucketCommand(at)))).toBe("nothing");
  expect(await refusalOf(client.send(new GetBucketAclCommand(at)))).toBe("NotImplemented");
  const long = new PutObjectCommand({ ...at, Key: "k".repeat(1025), Body: "body" });
  expect(await refusalOf(client.send(long))).toBe("KeyTooLongError");
  expect(s3.objects.size).toBe(0);
});

test("a range gives those bytes", async () => {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "digits" };
  await client.send(new PutObjectCommand({ ...at, Body: "0123456789" }));
  const read = async (Range: string) => {
    const { Body, ContentRange, $metadata } = await client.send(new GetObjectCommand({ ...at, Range }));
    return [$metadata.httpStatusCode, ContentRange, await Body?.transformToString()];
  };
  expect(await read("bytes=2-4")).toEqual([206, "bytes 2-4/10", "234"]);
  expect(await read("bytes=7-")).toEqual([206, "bytes 7-9/10", "789"]);
  expect(await read("bytes=-2")).toEqual([206, "bytes 8-9/10", "89"]);
  expect(await read("bytes=5-99")).toEqual([206, "bytes 5-9/10", "56789"]);
  expect(await read("bytes=0-1,3-4")).toEqual([200, undefined, "0123456789"]);
  expect(await read("bytes=4-2")).toEqual([200, undefined, "0123456789"]);
  expect(await refusalOf(read("bytes=10-"))).toBe("InvalidRange");
  expect(await refusalOf(read("bytes=-0"))).toBe("InvalidRange");
});

test("an empty object is one too", async () => {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "empty" };
  await client.send(new PutObjectCommand({ ...at, Body: "", ContentLength: 0 }));
  const got = await client.send(new GetObjectCommand(at));
  expect([got.ContentLength, await got.Body?.transformToString()]).toEqual([0, ""]);
});

test("conditions hold", async () => {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "key" };
  const put = (input: object) => client.send(new PutObjectCommand({ ...at, Body: "2", ...input }));
  const get = (input: object) => refusalOf(client.send(new GetObjectCommand({ ...at, ...input })));
  expect(await refusalOf(put({ IfMatch: '"none"' }))).toBe("NoSuchKey");
  const { ETag } = await client.send(new PutObjectCommand({ ...at, Body: "1", IfNoneMatch: "*" }));
  expect(await refusalOf(put({ IfNoneMatch: "*" }))).toBe("PreconditionFailed");
  expect(await refusalOf(put({ IfMatch: '"other"' }))).toBe("PreconditionFailed");
  expect(await refusalOf(put({ IfNoneMatch: '"other"' }))).toBe("NotImplemented");
  expect(await s3.objects.get("key")?.read()).toEqual(Buffer.from("1"));

  expect(await get({ IfMatch: ETag })).toBe("nothing");
  expect(await get({ IfMatch: '"other"' })).toBe("PreconditionFailed");
  expect(await get({ IfNoneMatch: '"other"' })).toBe("nothing");
  expect(await get({ IfNoneMatch: ETag })).toBe(NOT_MODIFIED);
  expect(await get({ IfModifiedSince: new Date() })).toBe(NOT_MODIFIED);
  expect(await get({ IfUnmodifiedSince: new Date(0) })).toBe("PreconditionFailed");
  expect(await refusalOf(put({ IfMatch: ETag }))).toBe("nothing");
});

test("of 20 conditional writes at once one wins, and the others leave nothing", async () => {
  const { s3, client } = await startS3AndClient();
  const bodies = Array.from({ length: 20 }, () => randomBytes(200_000));
  const outcomes = await Promise.all(
    bodies.map((Body) =>
      refusalOf(client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: "k", Body, IfNoneMatch: "*" }))),
    ),
  );
  expect(outcomes.toSorted()).toEqual([...Array(19).fill("PreconditionFailed"), "nothing"]);
  expect(await s3.objects.get("k")?.read()).toEqual(bodies[outcomes.indexOf("nothing")]);
});

test("a client that waits before it sends a large body is told whether it is wanted", async () => {
  const { s3, client } = await startS3AndClient();
  const Body = randomBytes(8_000_000);
  const put = () =>
    refusalOf(client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: "k", Body, IfNoneMatch: "*" })));
  expect([await put(), await put(), await put()]).toEqual([
    "nothing",
    "PreconditionFailed",
    "PreconditionFailed",
  ]);
  expect(await refusalOf(client.send(new HeadBucketCommand({ Bucket: s3.bucket })))).toBe("nothing");
});

test("checksums are compared with the body", async () => {
  const { s3, client } = await startS3AndClient();
  const put = (input: object) =>
    refusalOf(client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: "k", Body: "body", ...input })));
  expect(await put({ ChecksumSHA256: sha256("other") })).toBe("BadDigest");
  expect(await put({ ChecksumSHA256: "short" })).toBe("InvalidRequest");
  expect(await put({ ContentMD5: createHash("md5").update("other").digest("base64") })).toBe("BadDigest");
  expect(await put({ ContentMD5: "short" })).toBe("InvalidDigest");
  expect(await put({ ChecksumCRC32: "AAAAAA==" })).toBe("NotImplemented");
  expect(await put({ ChecksumAlgorithm: "CRC32" })).toBe("NotImplemented");
  expect(await put({ ACL: "public-read" })).toBe("NotImplemented");
  expect(s3.objects.size).toBe(0);
});

test("keys are listed by their bytes, page after page", async () => {
  const { s3, client } = await startS3AndClient();
  const keys = ["a/1", "a/2", "a/b/3", "b", "\u{10000}", "\uffee", "a&b <c>"];
  for (const Key of keys) await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: Key }));
  const list = (input: object) => client.send(new ListObjectsV2Command({ Bucket: s3.bucket, ...input }));

  const inOrder = ["a&b <c>", "a/1", "a/2", "a/b/3", "b", "\uffee", "\u{10000}"];
  expect((await list({})).Contents?.map(({ Key }) => Key)).toEqual(inOrder);
  const found: unknown[] = [];
  let token: string | undefined;
  do {
    const page = await list({ MaxKeys: 2, ContinuationToken: token });
    found.push(...(page.Contents ?? []).map(({ Key }) => Key));
    token = page.NextContinuationToken;
    expect(page.IsTruncated).toBe(token !== undefined);
  } while (token !== undefined);
  expect(found).toEqual(inOrder);

  const grouped = await list({ Prefix: "a/", Delimiter: "/" });
  expect(grouped.Contents?.map(({ Key, Size }) => [Key, Size])).toEqual([
    ["a/1", 3],
    ["a/2", 3],
  ]);
  expect(grouped.CommonPrefixes).toEqual([{ Prefix: "a/b/" }]);
  expect((await list({ StartAfter: "a/b/3" })).KeyCount).toBe(3);
  expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
  expect(await refusalOf(list({ ContinuationToken: "?" }))).toBe("InvalidArgument");
});

test("many are deleted at once, and those that fail are named", async () => {
  const { s3, client } = await startS3AndClient();
  const remove = (keys: string[], Quiet = false) =>
    client.send(
      new DeleteObjectsCommand({
        Bucket: s3.bucket,
        Delete: { Objects: keys.map((Key) => ({ Key })), Quiet },
      }),
    );
  for (const Key of ["a", "b", "c&d"])
    await client.send(new PutObjectCommand({ Bucket: s3.bucket, Key, Body: "body" }));
  s3.faults.next = [{ code: "InternalError", keys: (key) => key === "b" }];
  const { Deleted, Errors } = await remove(["a", "b", "c&d", "none"]);
  expect(Deleted).toEqual([{ Key: "a" }, { Key: "c&d" }, { Key: "none" }]);
  expect(Errors).toMatchObject([{ Key: "b", Code: "InternalError" }]);
  expect([...s3.objects.keys()]).toEqual(["b"]);
  expect((await remove(["b"], true)).Deleted).toBeUndefined();
  expect(s3.objects.size).toBe(0);
  expect(await refusalOf(remove(Array(1001).fill("k")))).toBe("MalformedXML");
});

test("settings come back as they were put", async () => {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket };
  const CORSRules = [{ AllowedOrigins: ["https://a.example"], AllowedMethods: ["PUT"], MaxAgeSeconds: 60 }];
  const getCors = () => client.send(new GetBucketCorsCommand(at));
  expect(await refusalOf(getCors())).toBe("NoSuchCORSConfiguration");
  await client.send(new PutBucketCorsCommand({ ...at, CORSConfiguration: { CORSRules } }));
  expect((await getCors()).CORSRules).toEqual(CORSRules);
  await client.send(new DeleteBucketCorsCommand(at));
  expect(await refusalOf(getCors())).toBe("NoSuchCORSConfiguration");
  const wrong = { CORSRules: [{ AllowedOrigins: ["*"], AllowedMethods: ["PATCH"] }] };
  const putWrong = client.send(new PutBucketCorsCommand({ ...at, CORSConfiguration: wrong }));
  expect(await refusalOf(putWrong)).toBe("InvalidRequest");

  const getLifecycle = () => client.send(new GetBucketLifecycleConfigurationCommand(at));
  expect(await refusalOf(getLifecycle())).toBe("NoSuchLifecycleConfiguration");
  const Rules = [
    { ID: "net", Status: "Enabled" as const, Filter: { Prefix: "videos/" }, Expiration: { Days: 1 } },
  ];
  const put = new PutBucketLifecycleConfigurationCommand({ ...at, LifecycleConfiguration: { Rules } });
  await client.send(put);
  expect((await getLifecycle()).Rules).toEqual(Rules);
});
