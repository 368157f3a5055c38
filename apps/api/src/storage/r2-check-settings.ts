import {
  GetBucketLifecycleConfigurationCommand,
  type LifecycleRule,
  type S3Client,
} from "@aws-sdk/client-s3";
import { expectThat, type Report } from "./findings.ts";
import { reasonOf } from "./r2-client.ts";
import { remedyFor } from "./r2-remedies.ts";
import { expiryDays, type Lifetimes } from "./r2-setup.ts";

const CORS_REMEDY =
  'Web pages cannot use links. Put the CORS rules that "storage setup" prints into the dashboard, R2 > the bucket > ' +
  'Settings > CORS policy, or run "storage setup --apply". New rules may take a minute.';
const LIFECYCLE_REMEDY =
  'Put the lifecycle rules that "storage setup" prints into the dashboard, R2 > the bucket > Settings > Object lifecycle ' +
  'rules, or run "storage setup --apply".';

/** As a browser asks before it sends what a page wants to send. */
export async function expectPreflight(
  url: string,
  origin: string,
  method: string,
  headers: string,
): Promise<void> {
  const answer = await fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": headers,
    },
  });
  await answer.arrayBuffer();
  expectThat(answer.ok, `the preflight was answered with ${answer.status}`, CORS_REMEDY);
  expectOrigin(answer, origin);
  const allows = (name: string, wanted: string) => {
    const allowed = listOf(answer, name);
    const missing = wanted.split(",").filter((each) => !allowed.includes(each.toLowerCase()));
    expectThat(
      missing.length === 0 || allowed.includes("*"),
      `${name} lacks ${missing.join(", ")}`,
      CORS_REMEDY,
    );
  };
  allows("access-control-allow-methods", method);
  allows("access-control-allow-headers", headers);
}

export function expectOrigin({ headers }: Pick<Response, "headers">, origin: string): void {
  const allowed = headers.get("access-control-allow-origin");
  const seen = `access-control-allow-origin is ${allowed ?? "missing"} for a page of any origin`;
  expectThat(allowed === "*" || allowed === origin, seen, CORS_REMEDY);
}

const listOf = ({ headers }: Response, name: string) =>
  (headers.get(name) ?? "").split(",").map((each) => each.trim().toLowerCase());

/** The lifecycle net, which keys for objects alone may not see. */
export async function checkLifecycle(
  client: S3Client,
  bucket: string,
  lifetimes: Lifetimes,
  report: Report,
): Promise<void> {
  const what = "lifecycle net: objects that were not deleted expire, unfinished uploads end";
  try {
    const found = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket: bucket }));
    const faults = lifecycleFaults(found.Rules ?? [], lifetimes);
    if (faults.length === 0) report({ result: "ok", what });
    else report({ result: "FAILED", what, seen: faults.join("; "), remedy: LIFECYCLE_REMEDY });
  } catch (error) {
    const reason = reasonOf(error);
    if (/^(AccessDenied|Forbidden)$/.test(reason)) {
      const seen = "this key may not read it, as is right for a server's";
      const remedy = `Look in the dashboard, R2 > the bucket > Settings. ${LIFECYCLE_REMEDY}`;
      report({ result: "warning", what, seen, remedy });
    } else if (reason === "NoSuchLifecycleConfiguration") {
      report({ result: "FAILED", what, seen: "there are no rules", remedy: LIFECYCLE_REMEDY });
    } else report({ result: "FAILED", what, seen: reason, remedy: remedyFor(error) });
  }
}

function lifecycleFaults(rules: readonly LifecycleRule[], lifetimes: Lifetimes): string[] {
  const enabled = rules.filter(({ Status }) => Status === "Enabled");
  const covers = (rule: LifecycleRule, prefix: string) =>
    prefix.startsWith(rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Prefix ?? "");
  const faults = Object.entries(expiryDays(lifetimes)).flatMap(([prefix, needed]) => {
    const days = enabled
      .filter((rule) => covers(rule, prefix))
      .flatMap(({ Expiration }) => Expiration?.Days ?? []);
    if (days.length === 0) return [`nothing under ${prefix} expires`];
    const least = Math.min(...days);
    return least < needed ? [`${prefix} expires after ${least} day(s), but may be needed for ${needed}`] : [];
  });
  const isAborted = enabled.some((rule) => rule.AbortIncompleteMultipartUpload && covers(rule, "uploads/"));
  return isAborted ? faults : [...faults, "unfinished multipart uploads never end"];
}
