import { DeleteBucketCorsCommand, PutBucketCorsCommand } from "@aws-sdk/client-s3";
import { expect, test } from "vitest";
import { sendRaw, startS3AndClient } from "./test-client.ts";

const PAGE = "https://app.example";
const CORSRules = [
  {
    AllowedOrigins: [PAGE, "https://*.preview.example"],
    AllowedMethods: ["PUT", "HEAD"],
    AllowedHeaders: ["content-type", "x-amz-*"],
    ExposeHeaders: ["ETag"],
    MaxAgeSeconds: 600,
  },
  { AllowedOrigins: ["*"], AllowedMethods: ["GET"] },
];

async function startWithCors() {
  const { s3, client } = await startS3AndClient();
  const url = `${s3.endpoint}/${s3.bucket}/key`;
  await client.send(new PutBucketCorsCommand({ Bucket: s3.bucket, CORSConfiguration: { CORSRules } }));
  const preflight = (origin: string, method: string, asked?: string) =>
    sendRaw(url, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": method,
        ...(asked !== undefined && { "access-control-request-headers": asked }),
      },
    });
  return { s3, client, url, preflight };
}

const corsOf = (headers: object) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith("access-control-")));

test("a preflight is answered by the first rule that fits", async () => {
  const { s3, preflight } = await startWithCors();
  const { status, headers } = await preflight(PAGE, "PUT", "Content-Type, x-amz-checksum-sha256");
  expect(status).toBe(200);
  expect(corsOf(headers)).toEqual({
    "access-control-allow-origin": PAGE,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "PUT, HEAD",
    "access-control-allow-headers": "content-type, x-amz-checksum-sha256",
    "access-control-expose-headers": "ETag",
    "access-control-max-age": "600",
  });
  expect(headers.vary).toBe("Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
  expect(corsOf((await preflight("https://any.example", "GET")).headers)).toEqual({
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET",
  });
  expect((await preflight("https://7.preview.example", "PUT")).status).toBe(200);
  expect(s3.requests.at(-1)).toMatchObject({ operation: "Preflight", method: "OPTIONS", status: 200 });
});

test.each([
  ["another origin", "https://other.example", "PUT", undefined],
  ["an origin that only ends alike", "https://preview.example", "PUT", undefined],
  ["another scheme", "http://app.example", "PUT", undefined],
  ["another method", PAGE, "DELETE", undefined],
  ["a header that is not allowed", PAGE, "PUT", "content-type,authorization"],
  ["a header for a rule without any", "https://other.example", "GET", "range"],
])("a preflight with %s is refused", async (_, origin, method, asked) => {
  const { preflight } = await startWithCors();
  const { status, code, headers } = await preflight(origin, method, asked);
  expect([status, code, corsOf(headers)]).toEqual([403, "AccessForbidden", {}]);
});

test("without rules every preflight is refused, and no answer has their headers", async () => {
  const { s3, client, url, preflight } = await startWithCors();
  await client.send(new DeleteBucketCorsCommand({ Bucket: s3.bucket }));
  expect(await preflight(PAGE, "PUT")).toMatchObject({ status: 403, code: "AccessForbidden" });
  expect(corsOf((await sendRaw(url, { headers: { origin: PAGE } })).headers)).toEqual({});
});

test("a preflight that asks for nothing is a bad request", async () => {
  const { url } = await startWithCors();
  const headers = { "access-control-request-method": "PUT" };
  expect(await sendRaw(url, { method: "OPTIONS", headers })).toMatchObject({ code: "BadRequest" });
  expect(await sendRaw(url, { method: "OPTIONS", headers: { origin: PAGE } })).toMatchObject({
    code: "BadRequest",
  });
});

test("other answers may be read by pages that a rule names, refusals too", async () => {
  const { url } = await startWithCors();
  const refused = await sendRaw(url, { headers: { origin: "https://any.example" } });
  expect(refused).toMatchObject({ status: 403, headers: { "access-control-allow-origin": "*" } });
  const put = await sendRaw(url, { method: "PUT", headers: { origin: "https://any.example" } });
  expect(corsOf(put.headers)).toEqual({});
  expect(corsOf((await sendRaw(url)).headers)).toEqual({});
});
