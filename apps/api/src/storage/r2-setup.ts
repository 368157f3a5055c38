import {
  type CORSRule,
  GetBucketCorsCommand,
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
} from "@aws-sdk/client-s3";
import { createR2Client, type R2Config, reasonOf } from "./r2-client.ts";
import { remedyFor } from "./r2-remedies.ts";

export interface Lifetimes {
  videoTtlSeconds: number;
  queueTimeoutMs: number;
}

const DAY_SECONDS = 24 * 3600;
/** An upload waits for its job at most an hour, and is needed while the job waits and renders. */
const UPLOAD_SLACK_SECONDS = 12 * 3600;

/** Whole days that are certainly longer. */
const daysFor = (seconds: number) => (seconds < DAY_SECONDS ? 1 : Math.ceil(seconds / DAY_SECONDS) + 1);

/** By prefix: days after which an object that was not deleted is none that anyone needs. */
export const expiryDays = ({ videoTtlSeconds, queueTimeoutMs }: Lifetimes): Record<string, number> => ({
  "uploads/": daysFor(queueTimeoutMs / 1000 + UPLOAD_SLACK_SECONDS),
  "videos/": daysFor(videoTtlSeconds),
  "claims/": 1,
  "check/": 1,
});

/** Links carry their own permission and no cookies, so any page may use one. */
export const CORS_RULES = [
  {
    AllowedOrigins: ["*"],
    AllowedMethods: ["GET", "HEAD", "PUT"],
    // R2 takes no `*` here.
    AllowedHeaders: ["content-type", "if-none-match", "x-amz-checksum-sha256", "range", "if-range"],
    ExposeHeaders: ["etag", "content-length", "content-range", "accept-ranges"],
    MaxAgeSeconds: 86_400,
  },
] satisfies CORSRule[];

export function lifecycleRules(lifetimes: Lifetimes): LifecycleRule[] {
  const expire = Object.entries(expiryDays(lifetimes)).map(
    ([Prefix, Days]): LifecycleRule => ({
      ID: `avatar-expire-${Prefix.slice(0, -1)}`,
      Status: "Enabled",
      Filter: { Prefix },
      Expiration: { Days },
    }),
  );
  const abort: LifecycleRule = {
    ID: "avatar-abort-multipart",
    Status: "Enabled",
    Filter: { Prefix: "" },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
  };
  return [...expire, abort];
}

/** The same rules, as Cloudflare's own API and wrangler take them. */
const cloudflareRules = (lifetimes: Lifetimes) =>
  lifecycleRules(lifetimes).map(({ ID, Filter, Expiration, AbortIncompleteMultipartUpload: abort }) => ({
    id: ID,
    enabled: true,
    conditions: { prefix: Filter?.Prefix },
    ...(Expiration && { deleteObjectsTransition: { condition: age(Expiration.Days) } }),
    ...(abort && { abortMultipartUploadsTransition: { condition: age(abort.DaysAfterInitiation) } }),
  }));

const age = (days = 1) => ({ type: "Age", maxAge: days * DAY_SECONDS });
const json = (value: unknown) => JSON.stringify(value, null, 2);

export const setupText = (
  lifetimes: Lifetimes,
): string => `CORS: lets web pages upload to signed links and download from them.
In the Cloudflare dashboard, R2 > the bucket > Settings > CORS policy, put this (the S3 API has it in "CORSRules"):

${json(CORS_RULES)}

Lifecycle: a net. The server deletes what is old by itself; this deletes what it could not, for example because it was
never started again, and uploads in parts that nobody finished. The S3 form:

${json({ Rules: lifecycleRules(lifetimes) })}

The same in Cloudflare's form, for "wrangler r2 bucket lifecycle set <bucket> --file rules.json". The dashboard takes it
rule by rule: R2 > the bucket > Settings > Object lifecycle rules.

${json({ rules: cloudflareRules(lifetimes) })}`;

/** Puts the rules. @returns whether all were taken */
export async function applySetup(
  config: R2Config,
  lifetimes: Lifetimes,
  say: (text: string) => void,
): Promise<boolean> {
  const client = createR2Client(config);
  const { bucket: Bucket } = config;
  const apply = async (what: string, find: () => Promise<unknown>, put: () => Promise<unknown>) => {
    try {
      const before = await find().catch(ignoreUnset);
      if (before) say(`The bucket had other ${what} rules, which are replaced:\n${json(before)}`);
      await put();
      say(`ok      ${what} rules put`);
      return true;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isDenied = /^(AccessDenied|Forbidden)$/.test(reasonOf(error));
      say(`FAILED  ${what} rules: ${message}\n        ${isDenied ? ADMIN : remedyFor(error)}`);
      return false;
    }
  };
  try {
    const hasCors = await apply(
      "CORS",
      async () => (await client.send(new GetBucketCorsCommand({ Bucket }))).CORSRules,
      () => client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: CORS_RULES } })),
    );
    const LifecycleConfiguration = { Rules: lifecycleRules(lifetimes) };
    const hasLifecycle = await apply(
      "lifecycle",
      async () => (await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules,
      () => client.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration })),
    );
    return hasCors && hasLifecycle;
  } finally {
    client.destroy();
  }
}

const ADMIN =
  'This needs an API token with "Admin Read & Write". Give its key to this one command, or put the rules above into the ' +
  "dashboard by hand; the server itself should keep a token that may only read and write objects.";

function ignoreUnset(error: unknown): undefined {
  if (!/^NoSuch(CORS|Lifecycle)Configuration$/.test(reasonOf(error))) throw error;
}
