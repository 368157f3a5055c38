import type { Answer } from "./answer.ts";
import type { TextRequest } from "./bodies.ts";
import type { Bucket } from "./bucket.ts";
import { malformedXml, S3Error } from "./errors.ts";
import { childrenNamed, parseXml } from "./xml.ts";

export const headBucket = (): Answer => ({ status: 200, headers: { "x-amz-bucket-region": "auto" } });

export function putCors(bucket: Bucket, { text }: TextRequest): Answer {
  bucket.putCors(text);
  return { status: 200 };
}

export function deleteCors(bucket: Bucket): Answer {
  bucket.deleteCors();
  return { status: 204 };
}

export const getCors = (bucket: Bucket): Answer =>
  settingAnswer(bucket, "cors", "NoSuchCORSConfiguration", "The CORS configuration does not exist");

/** Kept, and never acted on. */
export function putLifecycle(bucket: Bucket, { text }: TextRequest): Answer {
  const root = parseXml(text);
  const rules = childrenNamed(root, "Rule");
  const isComplete = rules.every((rule) => childrenNamed(rule, "Status").length === 1);
  if (root.name !== "LifecycleConfiguration" || rules.length === 0 || !isComplete) throw malformedXml();
  bucket.settings.set("lifecycle", text);
  return { status: 200 };
}

export const getLifecycle = (bucket: Bucket): Answer =>
  settingAnswer(
    bucket,
    "lifecycle",
    "NoSuchLifecycleConfiguration",
    "The lifecycle configuration does not exist",
  );

function settingAnswer(bucket: Bucket, name: string, code: string, message: string): Answer {
  const body = bucket.settings.get(name);
  if (body === undefined) throw new S3Error(404, code, message);
  return { status: 200, headers: { "content-type": "application/xml" }, body };
}
