import { createHash } from "node:crypto";
import { GetObjectCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect, test } from "vitest";
import type { FakeS3 } from "../fake-s3.ts";
import { clientOf, refusalOf, sendRaw, startS3AndClient } from "./test-client.ts";

const BODY = "the body";
const sha256 = (body: string) => createHash("sha256").update(body).digest("base64");

const SIGNED_HEADERS = {
  "content-type": "video/mp4",
  "content-length": String(BODY.length),
  "if-none-match": "*",
  "x-amz-checksum-sha256": sha256(BODY),
};

const signPut = ({ bucket }: FakeS3, client: S3Client, Key = "videos/1.mp4") =>
  getSignedUrl(
    client,
    new PutObjectCommand({
      Bucket: bucket,
      Key,
      ContentType: "video/mp4",
      ContentLength: BODY.length,
      IfNoneMatch: "*",
      ChecksumSHA256: sha256(BODY),
    }),
    {
      expiresIn: 3600,
      signableHeaders: new Set(["host", ...Object.keys(SIGNED_HEADERS)]),
      unhoistableHeaders: new Set(["x-amz-checksum-sha256"]),
    },
  );

async function startWithObject() {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "key" };
  await client.send(new PutObjectCommand({ ...at, Body: BODY }));
  const sign = (options: Parameters<typeof getSignedUrl>[2] = {}, input: object = {}, by = client) =>
    getSignedUrl(by, new GetObjectCommand({ ...at, ...input }), options);
  return { s3, client, at, sign };
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html */
const AWS_EXAMPLE = {
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  bucket: "test.txt",
  now: () => new Date("2013-05-24T00:00:00Z"),
};

test("AWS's own examples have the right signature", async () => {
  const { s3 } = await startS3AndClient(AWS_EXAMPLE);
  // Their host is the bucket's, so that here the key is the bucket and the operation is unknown.
  const host = "examplebucket.s3.amazonaws.com";
  const scope = "20130524/us-east-1/s3/aws4_request";
  const headers = {
    host,
    range: "bytes=0-9",
    "x-amz-content-sha256": createHash("sha256").digest("hex"),
    "x-amz-date": "20130524T000000Z",
    authorization: `AWS4-HMAC-SHA256 Credential=${s3.accessKeyId}/${scope},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`,
  };
  const url = `${s3.endpoint}/test.txt`;
  expect(await sendRaw(url, { headers })).toMatchObject({ code: "NotImplemented" });
  const changed = { ...headers, range: "bytes=0-8" };
  expect(await sendRaw(url, { headers: changed })).toMatchObject({ code: "SignatureDoesNotMatch" });

  const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${s3.accessKeyId}%2F${encodeURIComponent(scope)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`;
  expect(await sendRaw(`${url}?${query}`, { headers: { host } })).toMatchObject({ code: "NotImplemented" });
  expect(await sendRaw(`${url}?${query}`)).toMatchObject({ code: "SignatureDoesNotMatch" });
});

test("only the owner of the key is let in", async () => {
  const { s3 } = await startS3AndClient();
  const call = (accessKeyId: string, secretAccessKey: string, region = "auto") =>
    refusalOf(
      clientOf(s3, { region, credentials: { accessKeyId, secretAccessKey } }).send(
        // Not HEAD, whose refusals have no code.
        new GetObjectCommand({ Bucket: s3.bucket, Key: "none" }),
      ),
    );
  expect(await call(s3.accessKeyId, s3.secretAccessKey)).toBe("NoSuchKey");
  expect(await call(s3.accessKeyId, s3.secretAccessKey, "us-east-1")).toBe("NoSuchKey");
  expect(await call(s3.accessKeyId, "wrong")).toBe("SignatureDoesNotMatch");
  expect(await call("wrong", s3.secretAccessKey)).toBe("InvalidAccessKeyId");
  expect(await call(s3.accessKeyId, s3.secretAccessKey, "eu-west-1")).toBe("AuthorizationHeaderMalformed");
  const url = `${s3.endpoint}/${s3.bucket}/none`;
  expect(await sendRaw(url)).toMatchObject({ status: 403, code: "AccessDenied" });
  const basic = { authorization: "Basic a2V5" };
  expect(await sendRaw(url, { headers: basic })).toMatchObject({ code: "AuthorizationHeaderMalformed" });
});

test.each([
  [-15, "nothing"],
  [15, "nothing"],
  [-15.1, "RequestTimeTooSkewed"],
  [15.1, "RequestTimeTooSkewed"],
])("a clock that is %d minutes off is met with %s", async (minutes, outcome) => {
  // Two seconds nearer, for the way from one clock to the other.
  const offsetMs = minutes * 60_000 - Math.sign(minutes) * 2000;
  const { s3, client } = await startS3AndClient({ now: () => new Date(Date.now() + offsetMs) });
  const put = client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: "key", Body: BODY }));
  expect(await refusalOf(put)).toBe(outcome);
});

/** Sends what the client has signed, after `change`. */
async function sendChanged(change: (request: { headers: Record<string, string>; body?: unknown }) => void) {
  const { s3, client } = await startS3AndClient();
  client.middlewareStack.add(
    (next) => async (args) => {
      change(args.request as { headers: Record<string, string> });
      return next(args);
    },
    { step: "finalizeRequest", name: "change", priority: "low" },
  );
  const put = client.send(new PutObjectCommand({ Bucket: s3.bucket, Key: "key", Body: BODY }));
  const refusal = await refusalOf(put);
  expect(s3.objects.size).toBe(refusal === "nothing" ? 1 : 0);
  return refusal;
}

test("a request that was changed on its way is refused", async () => {
  expect(await sendChanged(() => {})).toBe("nothing");
  expect(
    await sendChanged((request) => {
      request.body = "the b0dy";
    }),
  ).toBe("XAmzContentSHA256Mismatch");
  expect(
    await sendChanged(({ headers }) => {
      headers["content-type"] = "text/html";
    }),
  ).toBe("SignatureDoesNotMatch");
  expect(
    await sendChanged(({ headers }) => {
      headers["x-amz-meta-added"] = "1";
    }),
  ).toBe("AccessDenied");
  expect(
    await sendChanged(({ headers }) => {
      delete headers["x-amz-content-sha256"];
    }),
  ).toBe("InvalidRequest");
  for (const [hash, code] of [
    ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "NotImplemented"],
    ["0".repeat(63), "InvalidArgument"],
    ["0".repeat(64), "SignatureDoesNotMatch"],
  ] as const)
    expect(
      await sendChanged(({ headers }) => {
        headers["x-amz-content-sha256"] = hash;
      }),
    ).toBe(code);
});

test("a link holds until it expires", async () => {
  let offsetMs = 0;
  const { s3, client } = await startS3AndClient({ now: () => new Date(Date.now() + offsetMs) });
  const at = { Bucket: s3.bucket, Key: "key" };
  await client.send(new PutObjectCommand({ ...at, Body: BODY }));
  const url = await getSignedUrl(client, new GetObjectCommand(at), { expiresIn: 21_600 });
  expect(await sendRaw(url)).toMatchObject({ status: 200, body: BODY });
  offsetMs = 21_540_000;
  expect((await sendRaw(url)).status).toBe(200);
  offsetMs = 21_600_000;
  const expired = expect.stringContaining("<Message>Request has expired</Message>");
  expect(await sendRaw(url)).toMatchObject({ status: 403, code: "AccessDenied", body: expired });
  offsetMs = -16 * 60_000;
  expect(await sendRaw(url)).toMatchObject({ status: 403, code: "AccessDenied" });
});

test("a link that was changed is refused", async () => {
  const { s3, sign } = await startWithObject();
  const url = await sign({ expiresIn: 60 });
  const expectCode = async (changed: string, code: string) =>
    expect(await sendRaw(changed)).toMatchObject({ code });
  await expectCode(url.replace("/key?", "/kez?"), "SignatureDoesNotMatch");
  await expectCode(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), "SignatureDoesNotMatch");
  await expectCode(url.replace("X-Amz-Expires=60", "X-Amz-Expires=0"), "AuthorizationQueryParametersError");
  await expectCode(
    url.replace("X-Amz-Expires=60", "X-Amz-Expires=604801"),
    "AuthorizationQueryParametersError",
  );
  await expectCode(`${url}&response-content-type=text%2Fhtml`, "SignatureDoesNotMatch");
  await expectCode(`${url}&`, "SignatureDoesNotMatch");
  await expectCode(`${url}&X-Amz-Expires=60`, "InvalidArgument");
  for (const name of ["Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature"])
    await expectCode(
      url.replace(new RegExp(`X-Amz-${name}=[^&]*&?`), ""),
      "AuthorizationQueryParametersError",
    );
  await expectCode(url.replace(s3.accessKeyId, "other"), "InvalidAccessKeyId");
  expect(await sendRaw(url, { method: "PUT" })).toMatchObject({ code: "SignatureDoesNotMatch" });
  const twice = { authorization: "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c" };
  expect(await sendRaw(url, { headers: twice })).toMatchObject({ code: "InvalidArgument" });
});

test("the headers of an answer are changed by what was signed only", async () => {
  const { sign } = await startWithObject();
  const disposition = 'attachment; filename="a b.mp4"';
  const url = await sign({}, { ResponseContentDisposition: disposition, ResponseContentType: "video/mp4" });
  const { headers } = await sendRaw(url);
  expect([headers["content-disposition"], headers["content-type"]]).toEqual([disposition, "video/mp4"]);
  expect(await sendRaw(url.replace("a%20b", "a%20c"))).toMatchObject({ code: "SignatureDoesNotMatch" });
});

test("a link to put takes the body and headers that it was signed for", async () => {
  const { s3, client } = await startS3AndClient();
  const url = await signPut(s3, client);
  expect(url).not.toMatch(/checksum-crc32|sdk-checksum/);
  const put = (headers: Record<string, string>, body = BODY) =>
    sendRaw(url, { method: "PUT", headers: { ...SIGNED_HEADERS, ...headers }, body });
  expect(await put({ "content-type": "video/webm" })).toMatchObject({ code: "SignatureDoesNotMatch" });
  expect(await put({ "content-length": "9" }, `${BODY}!`)).toMatchObject({ code: "SignatureDoesNotMatch" });
  expect(await put({ "if-none-match": "" })).toMatchObject({ code: "SignatureDoesNotMatch" });
  expect(await put({ "x-amz-checksum-sha256": sha256("the b0dy") })).toMatchObject({
    code: "SignatureDoesNotMatch",
  });
  expect(await put({ "x-amz-meta-added": "1" })).toMatchObject({ status: 403, code: "AccessDenied" });
  for (const name of Object.keys(SIGNED_HEADERS)) {
    const headers = Object.fromEntries(Object.entries(SIGNED_HEADERS).filter(([each]) => each !== name));
    const chunked = { "transfer-encoding": "chunked" };
    const sent = name === "content-length" ? { ...headers, ...chunked } : headers;
    expect(await sendRaw(url, { method: "PUT", headers: sent, body: BODY }), name).toMatchObject({
      code: "SignatureDoesNotMatch",
    });
  }
  expect(await put({}, "the b0dy")).toMatchObject({ status: 400, code: "BadDigest" });
  expect(s3.objects.size).toBe(0);
  expect((await put({})).status).toBe(200);
  expect(await put({})).toMatchObject({ status: 412, code: "PreconditionFailed" });
  expect(s3.objects.get("videos/1.mp4")).toMatchObject({ bytes: BODY.length, contentType: "video/mp4" });
});

test("a body of unknown length is refused, and so are the client's default checksums", async () => {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "key" };
  const url = await getSignedUrl(client, new PutObjectCommand(at));
  const put = { method: "PUT", body: BODY };
  const chunked = await sendRaw(url, { ...put, headers: { "transfer-encoding": "chunked" } });
  expect(chunked).toMatchObject({ status: 411, code: "MissingContentLength" });
  const careless = clientOf(s3, { requestChecksumCalculation: "WHEN_SUPPORTED" });
  const summed = await getSignedUrl(careless, new PutObjectCommand(at));
  expect(summed).toContain("x-amz-checksum-crc32=AAAAAA");
  expect(await sendRaw(summed, put)).toMatchObject({ status: 501, code: "NotImplemented" });
});
