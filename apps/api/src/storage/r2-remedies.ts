import { CheckFailure } from "./findings.ts";
import { StorageUnavailable } from "./object-store.ts";
import { reasonOf } from "./r2-client.ts";

const KEY_ID =
  "R2_ACCESS_KEY_ID: the store knows no such key. Copy it again from R2 > Manage API tokens, or make a new token.";
const PERMISSION =
  'The API token may not do this. In the Cloudflare dashboard, R2 > Manage API tokens, it needs "Object Read & Write" ' +
  "on this bucket; a bucket that is not there, or not of this token, looks the same.";
const CLOCK = "This machine's clock is wrong. Set it by NTP: requests and links are signed with the time.";
const ENDPOINT =
  "R2_ENDPOINT: it must be https://<account>.r2.cloudflarestorage.com, as the bucket's settings show it (a bucket with a " +
  "jurisdiction has its own), and this machine must be allowed to connect to it.";

/** By what S3 servers, R2 and Node call it. */
const REMEDIES: Record<string, string> = {
  NoSuchBucket:
    "R2_BUCKET: there is no such bucket in this account. Create it in the Cloudflare dashboard, R2 > Create bucket, or " +
    "correct the name. A bucket with a jurisdiction has another R2_ENDPOINT.",
  InvalidAccessKeyId: KEY_ID,
  Unauthorized: KEY_ID,
  InvalidArgument: KEY_ID,
  SignatureDoesNotMatch:
    "R2_SECRET_ACCESS_KEY: it is not the secret of R2_ACCESS_KEY_ID. It is shown once; make a new token if it is lost.",
  AccessDenied: PERMISSION,
  Forbidden: PERMISSION,
  RequestTimeTooSkewed: CLOCK,
  NotImplemented:
    "The store does not know this request. Use R2, or another server that speaks this part of the S3 API.",
};

const LOST = /^(E[A-Z]+|CERT_|DEPTH_|SELF_SIGNED|UNABLE_|UND_ERR_|ERR_TLS|ERR_SSL|TimeoutError|AbortError)/;

export function remedyFor(error: unknown): string {
  if (error instanceof CheckFailure && error.remedy) return error.remedy;
  const isLostFetch = error instanceof TypeError && error.cause !== undefined;
  const reason = error instanceof StorageUnavailable ? (error.reason ?? "") : reasonOf(error);
  const known = Object.hasOwn(REMEDIES, reason) ? REMEDIES[reason] : undefined;
  if (known) return known;
  if (isLostFetch || LOST.test(reason)) return ENDPOINT;
  return "The store does not behave as R2 does. Try again; if it stays so, see docs/storage.md for what is needed of it.";
}

export const clockRemedy = CLOCK;
