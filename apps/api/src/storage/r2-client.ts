import { S3Client } from "@aws-sdk/client-s3";

export interface R2Config {
  /** For example `https://<account>.r2.cloudflarestorage.com`. */
  endpoint: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** A client for R2, and for any other store that takes the bucket's name as part of the path. */
export function createR2Client({ endpoint, accessKeyId, secretAccessKey }: R2Config): S3Client {
  return new S3Client({
    endpoint,
    region: "auto",
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    // Else links carry the checksum of an empty body, and R2 refuses what is sent to them:
    // https://github.com/cloudflare/cloudflare-docs/pull/19236
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 3,
    // Else it writes to the console what it also throws.
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    requestHandler: {
      connectionTimeout: 2000,
      // Of silence, not of the whole: a large object may take its time.
      socketTimeout: 5000,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
    },
  });
}

const MAX_SOCKETS = 256;

/** The code of a lost connection, or what S3 calls its refusal. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.name;
}
