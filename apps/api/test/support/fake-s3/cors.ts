import type { Answer } from "./answer.ts";
import { malformedXml, S3Error } from "./errors.ts";
import type { S3Request } from "./wire.ts";
import { childrenNamed, parseXml, textsOf } from "./xml.ts";

export interface CorsRule {
  origins: readonly string[];
  methods: readonly string[];
  headers: readonly string[];
  exposed: readonly string[];
  maxAgeSeconds: string | undefined;
}

const METHODS = ["GET", "PUT", "HEAD", "POST", "DELETE"];
const VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

export function parseCorsRules(document: string): CorsRule[] {
  const root = parseXml(document);
  const rules = childrenNamed(root, "CORSRule").map((rule) => ({
    origins: textsOf(rule, "AllowedOrigin"),
    methods: textsOf(rule, "AllowedMethod"),
    headers: textsOf(rule, "AllowedHeader"),
    exposed: textsOf(rule, "ExposeHeader"),
    maxAgeSeconds: textsOf(rule, "MaxAgeSeconds")[0],
  }));
  const isComplete = rules.every(({ origins, methods }) => origins.length > 0 && methods.length > 0);
  if (root.name !== "CORSConfiguration" || rules.length === 0 || !isComplete) throw malformedXml();
  for (const { origins, methods, headers } of rules) {
    const method = methods.find((each) => !METHODS.includes(each));
    if (method !== undefined)
      throw invalidRequest(`Found unsupported HTTP method in CORS config. Unsupported method is ${method}`);
    const wild = [...origins, ...headers].find((pattern) => pattern.split("*").length > 2);
    if (wild !== undefined) throw invalidRequest(`"${wild}" can not have more than one wildcard.`);
  }
  return rules;
}

export function answerPreflight(rules: readonly CorsRule[], { headers }: S3Request): Answer {
  const origin = headers.get("origin");
  const method = headers.get("access-control-request-method");
  if (origin === undefined) throw badRequest("Insufficient information. Origin request header needed.");
  if (method === undefined || !METHODS.includes(method))
    throw badRequest(`Invalid Access-Control-Request-Method: ${method ?? "null"}`);
  const asked = (headers.get("access-control-request-headers") ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  if (rules.length === 0) throw forbidden("CORS is not enabled for this bucket.");
  const rule = findRule(rules, origin, method, asked);
  if (!rule) throw forbidden("This CORS request is not allowed.");
  const allowHeaders = asked.length > 0 && { "access-control-allow-headers": asked.join(", ") };
  return { status: 200, headers: { ...headersOf(rule, origin), ...allowHeaders } };
}

/** What is added to every other answer, the refused ones too. */
export function corsHeaders(rules: readonly CorsRule[], request: S3Request): Record<string, string> {
  const origin = request.headers.get("origin");
  const rule = origin === undefined ? undefined : findRule(rules, origin, request.method, []);
  return rule && origin !== undefined ? headersOf(rule, origin) : {};
}

const findRule = (rules: readonly CorsRule[], origin: string, method: string, headers: readonly string[]) =>
  rules.find(
    (rule) =>
      rule.origins.some((pattern) => matches(pattern, origin)) &&
      rule.methods.includes(method) &&
      headers.every((header) => rule.headers.some((pattern) => matches(pattern.toLowerCase(), header))),
  );

function headersOf(rule: CorsRule, origin: string): Record<string, string> {
  // S3 names the origin, with credentials, unless everyone may come.
  const isForAll = rule.origins.find((pattern) => matches(pattern, origin)) === "*";
  return {
    "access-control-allow-origin": isForAll ? "*" : origin,
    ...(!isForAll && { "access-control-allow-credentials": "true" }),
    "access-control-allow-methods": rule.methods.join(", "),
    ...(rule.exposed.length > 0 && { "access-control-expose-headers": rule.exposed.join(", ") }),
    ...(rule.maxAgeSeconds !== undefined && { "access-control-max-age": rule.maxAgeSeconds }),
    vary: VARY,
  };
}

function matches(pattern: string, text: string): boolean {
  const [start = "", end] = pattern.split("*");
  if (end === undefined) return pattern === text;
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}

const badRequest = (message: string) => new S3Error(400, "BadRequest", message);
const invalidRequest = (message: string) => new S3Error(400, "InvalidRequest", message);
const forbidden = (message: string) => new S3Error(403, "AccessForbidden", `CORSResponse: ${message}`);
