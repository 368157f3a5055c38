import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { malformedXml, S3Error } from "./errors.ts";
import { UNSIGNED_PAYLOAD } from "./sigv4.ts";
import type { S3Request } from "./wire.ts";

/** A request whose signature was right. */
export interface SignedRequest extends S3Request {
  payloadHash: string;
}

/** One whose body is a small document, or nothing. */
export interface TextRequest extends SignedRequest {
  text: string;
  /** The code of the error that deleting this key shall have. */
  deletionError(key: string): string | undefined;
}

/** A body on disk. */
export interface BodyFile {
  path: string;
  bytes: number;
  sha256: Buffer;
  md5: Buffer;
}

type Digests = Pick<BodyFile, "sha256" | "md5">;

const MAX_FILE_BYTES = 5 * 1024 ** 3;
const MAX_TEXT_BYTES = 2 * 1024 ** 2;

/** Streams to disk, and leaves nothing there unless all of it came and was what the client says it is. */
export async function receiveFile(request: SignedRequest, path: string): Promise<BodyFile> {
  const length = request.headers.get("content-length");
  if (length === undefined)
    throw new S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.");
  if (Number(length) > MAX_FILE_BYTES)
    throw new S3Error(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.");
  request.wantBody();
  const file = await writeFile(request.body, path);
  try {
    checkDigests(request, file);
  } catch (error) {
    await rm(path);
    throw error;
  }
  return file;
}

export async function writeFile(chunks: AsyncIterable<Buffer>, path: string): Promise<BodyFile> {
  const hashes = { sha256: createHash("sha256"), md5: createHash("md5") };
  let bytes = 0;
  async function* measured() {
    for await (const chunk of chunks) {
      hashes.sha256.update(chunk);
      hashes.md5.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  }
  try {
    await pipeline(measured, createWriteStream(path));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { path, bytes, sha256: hashes.sha256.digest(), md5: hashes.md5.digest() };
}

export async function receiveText(request: SignedRequest): Promise<string> {
  request.wantBody();
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.body) {
    bytes += chunk.length;
    if (bytes > MAX_TEXT_BYTES) throw malformedXml();
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks);
  checkDigests(request, {
    sha256: createHash("sha256").update(text).digest(),
    md5: createHash("md5").update(text).digest(),
  });
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(text));
  if ((request.amz.get("x-amz-checksum-crc32") ?? sum.toString("base64")) !== sum.toString("base64"))
    throw badDigest("CRC32");
  return text.toString();
}

function checkDigests(request: SignedRequest, { sha256, md5 }: Digests): void {
  if (request.payloadHash !== UNSIGNED_PAYLOAD && request.payloadHash !== sha256.toString("hex"))
    throw new S3Error(
      400,
      "XAmzContentSHA256Mismatch",
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  const claimedMd5 = request.headers.get("content-md5");
  if (claimedMd5 !== undefined && !isBase64(claimedMd5, md5.length))
    throw new S3Error(400, "InvalidDigest", "The Content-MD5 you specified was invalid.");
  if ((claimedMd5 ?? md5.toString("base64")) !== md5.toString("base64")) throw badDigest("Content-MD5");
  const claimedSha256 = request.amz.get("x-amz-checksum-sha256");
  if (claimedSha256 !== undefined && !isBase64(claimedSha256, sha256.length))
    throw new S3Error(400, "InvalidRequest", "Value for x-amz-checksum-sha256 header is invalid.");
  if ((claimedSha256 ?? sha256.toString("base64")) !== sha256.toString("base64")) throw badDigest("SHA256");
}

/** Written as the encoder would, as what is compared is the text. */
function isBase64(text: string, bytes: number): boolean {
  const decoded = Buffer.from(text, "base64");
  return decoded.length === bytes && decoded.toString("base64") === text;
}

const badDigest = (name: string) =>
  new S3Error(400, "BadDigest", `The ${name} you specified did not match the calculated checksum.`);
