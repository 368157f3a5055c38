import { LIMITS } from "@avatar/contract/limits";
import { Refusal } from "../problem.ts";

/** The label of a job that tells whose it is. */
const USER_LABEL = "user";

/**
 * The JSON of a request, within the API's own limit. A page of another site can send a signed-in user's cookies along, but
 * not with this content type, unless the browser has asked us first.
 */
export async function readJson({ headers, body }: Request): Promise<string> {
  if (!/^application\/json\s*(;|$)/i.test(headers.get("content-type") ?? ""))
    throw new Refusal("unsupported_content_type");
  if (Number(headers.get("content-length")) > LIMITS.jsonBodyBytes) throw new Refusal("body_too_large");
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  // Leaving the loop stops what is still to come.
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > LIMITS.jsonBodyBytes) throw new Refusal("body_too_large");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The same input, labelled as this user's, whatever the page has put there. */
export function inNameOf(user: string, json: string): string {
  const input = parse(json);
  if (!isObject(input)) throw new Refusal("invalid_input", { detail: "The body is not an object." });
  const { metadata = {} } = input;
  if (!isObject(metadata)) {
    const issue = { path: "metadata", message: "expected an object" };
    throw new Refusal("invalid_input", { detail: "metadata: expected an object.", issues: [issue] });
  }
  return JSON.stringify({ ...input, metadata: { ...metadata, [USER_LABEL]: user } });
}

export const isJobOf = (user: string, job: unknown): boolean =>
  isObject(job) && isObject(job.metadata) && job.metadata[USER_LABEL] === user;

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Refusal("malformed_json");
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
