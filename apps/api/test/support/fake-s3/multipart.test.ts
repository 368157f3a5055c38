import { randomBytes } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect, test } from "vitest";
import { refusalOf, sendRaw, startS3AndClient } from "./test-client.ts";

const MIB = 1024 ** 2;

async function startUpload() {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: "videos/large.mp4" };
  const { UploadId } = await client.send(
    new CreateMultipartUploadCommand({ ...at, ContentType: "video/mp4" }),
  );
  const upload = { ...at, UploadId };
  return {
    s3,
    client,
    at,
    upload,
    async part(PartNumber: number, Body: Buffer) {
      const { ETag } = await client.send(new UploadPartCommand({ ...upload, PartNumber, Body }));
      return { PartNumber, ETag };
    },
    complete: (Parts: { PartNumber: number; ETag: string | undefined }[], input = {}) =>
      client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, ...input })),
    uploads: async () =>
      (await client.send(new ListMultipartUploadsCommand({ Bucket: s3.bucket }))).Uploads ?? [],
  };
}

test("parts become one object, in their order", async () => {
  const { s3, client, at, upload, part, complete, uploads } = await startUpload();
  const bodies = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(3)] as const;
  const second = await part(2, bodies[1]);
  const replaced = await part(1, randomBytes(5 * MIB));
  const first = await part(1, bodies[0]);
  const link = await getSignedUrl(client, new UploadPartCommand({ ...upload, PartNumber: 3 }));
  const { status, headers } = await sendRaw(link, { method: "PUT", body: bodies[2] });
  expect(status).toBe(200);
  const third = { PartNumber: 3, ETag: String(headers.etag) };

  const parts = await client.send(new ListPartsCommand({ ...upload, MaxParts: 2 }));
  expect(parts.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
    [1, 5 * MIB],
    [2, 5 * MIB],
  ]);
  expect(parts).toMatchObject({ IsTruncated: true, NextPartNumberMarker: "2" });
  expect(await uploads()).toMatchObject([{ Key: at.Key, UploadId: upload.UploadId }]);

  expect(await refusalOf(complete([replaced, second, third]))).toBe("InvalidPart");
  expect(await refusalOf(complete([second, first]))).toBe("InvalidPartOrder");
  expect(await refusalOf(complete([first, third, { PartNumber: 4, ETag: '"none"' }]))).toBe("InvalidPart");
  const { ETag } = await complete([first, second, third]);
  expect(ETag).toMatch(/^"[\da-f]{32}-3"$/);
  const stored = s3.objects.get(at.Key);
  expect(stored).toMatchObject({ etag: ETag, contentType: "video/mp4" });
  expect((await stored?.read())?.equals(Buffer.concat(bodies))).toBe(true);
  expect(await uploads()).toEqual([]);
  expect(await refusalOf(complete([first, second, third]))).toBe("NoSuchUpload");
});

test("parts but the last are large enough, and of one size as R2 has it", async () => {
  const { part, complete, s3 } = await startUpload();
  const small = await part(1, randomBytes(5 * MIB - 1));
  const five = await part(2, randomBytes(5 * MIB));
  const six = await part(3, randomBytes(6 * MIB));
  const last = await part(4, randomBytes(1));
  expect(await refusalOf(complete([small, five]))).toBe("EntityTooSmall");
  expect(await refusalOf(complete([five, six, last]))).toBe("InvalidPart");
  expect(await refusalOf(complete([five, last]))).toBe("nothing");
  expect(s3.objects.size).toBe(1);
});

test("an upload that may not replace anything is refused at its end", async () => {
  const { client, at, part, complete, uploads } = await startUpload();
  const only = await part(1, Buffer.from("body"));
  await client.send(new PutObjectCommand({ ...at, Body: "first" }));
  expect(await refusalOf(complete([only], { IfNoneMatch: "*" }))).toBe("PreconditionFailed");
  expect(await uploads()).toHaveLength(1);
});

test("of an upload that was completed twice at once there is one object", async () => {
  const { part, complete, s3 } = await startUpload();
  const only = await part(1, randomBytes(MIB));
  const outcomes = await Promise.all([refusalOf(complete([only])), refusalOf(complete([only]))]);
  expect(outcomes.toSorted()).toEqual(["NoSuchUpload", "nothing"]);
  expect((await s3.objects.get("videos/large.mp4")?.read())?.length).toBe(MIB);
});

test("an aborted upload is gone", async () => {
  const { client, upload, part, uploads } = await startUpload();
  await part(1, Buffer.from("body"));
  await client.send(new AbortMultipartUploadCommand(upload));
  expect(await uploads()).toEqual([]);
  expect(await refusalOf(part(2, Buffer.from("body")))).toBe("NoSuchUpload");
});
