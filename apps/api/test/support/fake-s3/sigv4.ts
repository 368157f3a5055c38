import { createHash, createHmac } from "node:crypto";
import { accessDenied, invalidArgument, notImplemented, S3Error } from "./errors.ts";
import { LINK_PARAMETERS, type S3Request } from "./wire.ts";

export interface Account {
  accessKeyId: string;
  secretAccessKey: string;
  now: () => Date;
  linksNow: () => Date;
}

/** What a request says of its own signature. */
interface Claim {
  isLink: boolean;
  credential: string;
  timestamp: string;
  signedHeaders: string;
  signature: string;
}

export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

const ALGORITHM = "AWS4-HMAC-SHA256";
const REGIONS = ["auto", "us-east-1"];
const MAX_SKEW_MS = 15 * 60_000;
const MAX_EXPIRES_S = 604_800;
const CREDENTIAL = /^(.+)\/(\d{8})\/([^/]*)\/([^/]*)\/([^/]*)$/;
const TIMESTAMP = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/;

/**
 * AWS Signature Version 4, from https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
 * and not by the SDK's signer, which would agree with its own mistakes.
 * @returns the sha256 that the body must have, or UNSIGNED-PAYLOAD.
 */
export function verifySignature(request: S3Request, account: Account): string {
  const claim = readClaim(request);
  const payloadHash = readPayloadHash(request, claim);
  const [, keyId, day = "", region = "", service, end] = CREDENTIAL.exec(claim.credential) ?? [];
  if (keyId === undefined || service !== "s3" || end !== "aws4_request")
    throw malformed(claim, "The credential is not <key id>/<date>/<region>/s3/aws4_request.");
  if (!REGIONS.includes(region)) throw malformed(claim, `The region '${region}' is wrong; expecting 'auto'.`);
  if (!claim.timestamp.startsWith(day)) throw malformed(claim, "The credential's date is not the request's.");
  checkTime(request, claim, (claim.isLink ? account.linksNow() : account.now()).getTime());
  if (keyId !== account.accessKeyId)
    throw new S3Error(403, "InvalidAccessKeyId", "The access key ID you provided does not exist.");

  const signedHeaders = claim.signedHeaders.split(";");
  const unsigned = [...request.headers.keys()].filter(
    (name) => name.startsWith("x-amz-") && !signedHeaders.includes(name),
  );
  if (unsigned.length > 0)
    throw accessDenied("There were headers present in the request which were not signed");
  if (!signedHeaders.includes("host")) throw malformed(claim, "The host header must be signed.");

  const scope = `${day}/${region}/s3/aws4_request`;
  const canonical = canonicalRequest(request, signedHeaders, payloadHash);
  const text = [ALGORITHM, claim.timestamp, scope, sha256(canonical)].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, part) => hmac(secret, part),
    `AWS4${account.secretAccessKey}`,
  );
  if (hmac(key, text).toString("hex") !== claim.signature)
    throw new S3Error(403, "SignatureDoesNotMatch", "The signature we calculated is not the one you sent.");
  return payloadHash;
}

function readClaim(request: S3Request): Claim {
  const authorization = request.headers.get("authorization");
  const isLink = LINK_PARAMETERS.some((name) => request.query.has(name));
  if (isLink && authorization !== undefined) throw invalidArgument("Only one auth mechanism allowed");
  if (isLink) return readLinkClaim(request.query);
  if (authorization === undefined) throw accessDenied();
  const [, credential, signedHeaders, signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([^,]+)$/.exec(authorization) ??
    [];
  if (credential === undefined || signedHeaders === undefined || signature === undefined)
    throw new S3Error(400, "AuthorizationHeaderMalformed", "The authorization header is malformed.");
  const timestamp = request.headers.get("x-amz-date") ?? "";
  return { isLink, credential, timestamp, signedHeaders, signature };
}

function readLinkClaim(query: S3Request["query"]): Claim {
  const [algorithm, credential, timestamp, expires, signedHeaders, signature] = LINK_PARAMETERS.map((name) =>
    query.get(name),
  );
  const claim = { isLink: true, credential, timestamp, signedHeaders, signature };
  const isComplete = (each: typeof claim): each is Claim => !Object.values(each).includes(undefined);
  if (algorithm !== ALGORITHM || !isComplete(claim))
    throw malformed({ isLink: true }, `These parameters are required: ${LINK_PARAMETERS.join(", ")}.`);
  const seconds = /^\d{1,6}$/.test(expires ?? "") ? Number(expires) : 0;
  if (seconds < 1 || seconds > MAX_EXPIRES_S)
    throw malformed(claim, "X-Amz-Expires must be a number of seconds from 1 to 604800.");
  return claim;
}

function readPayloadHash({ amz }: S3Request, { isLink }: Claim): string {
  const hash = amz.get("x-amz-content-sha256") ?? (isLink ? UNSIGNED_PAYLOAD : undefined);
  if (hash === undefined)
    throw new S3Error(
      400,
      "InvalidRequest",
      "Missing required header for this request: x-amz-content-sha256",
    );
  if (hash.startsWith("STREAMING-")) throw notImplemented(`${hash} not implemented`);
  if (hash !== UNSIGNED_PAYLOAD && !/^[\da-f]{64}$/.test(hash))
    throw invalidArgument("x-amz-content-sha256 must be UNSIGNED-PAYLOAD or a valid sha256 value.");
  return hash;
}

function checkTime(request: S3Request, { isLink, timestamp }: Claim, now: number): void {
  const signedAt = Date.parse(timestamp.replace(TIMESTAMP, "$1-$2-$3T$4:$5:$6Z"));
  if (!TIMESTAMP.test(timestamp) || Number.isNaN(signedAt))
    throw accessDenied("AWS authentication requires a valid Date or x-amz-date header");
  if (isLink) {
    const expiresAt = signedAt + Number(request.query.get("X-Amz-Expires")) * 1000;
    if (now >= expiresAt) throw accessDenied("Request has expired");
    if (signedAt - now > MAX_SKEW_MS) throw accessDenied("Request is not yet valid");
  } else if (Math.abs(now - signedAt) > MAX_SKEW_MS)
    throw new S3Error(
      403,
      "RequestTimeTooSkewed",
      "The difference between the request time and the current time is too large.",
    );
}

function canonicalRequest(request: S3Request, signedHeaders: readonly string[], payloadHash: string): string {
  const query = [...request.query]
    .filter(([name]) => name !== "X-Amz-Signature")
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map((parameter) => parameter.join("="));
  const headers = signedHeaders.map((name) => {
    const value = request.headers.get(name) ?? "";
    return `${name}:${value.replaceAll(/ +/g, " ")}\n`;
  });
  const path = request.path.split("/").map(encode).join("/");
  return [request.method, path, query.join("&"), headers.join(""), signedHeaders.join(";"), payloadHash].join(
    "\n",
  );
}

const encode = (text: string) =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

const malformed = ({ isLink }: Pick<Claim, "isLink">, message: string) =>
  new S3Error(400, isLink ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed", message);

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) => createHmac("sha256", key).update(text).digest();
