import type { ErrorCode } from "@avatar/contract/errors";
import { throughBothDoors } from "../doors.ts";
import { FORM_TYPE, multipart } from "../multipart.ts";
import { rawAnswer } from "../raw-answer.ts";
import { aJobInput, commonRefusals, OWN_REFUSALS } from "../refusals.ts";
import type { RestAnswer } from "../rest.ts";
import { startTestApi } from "../test-api.ts";
import type { Producer, Producers, World } from "./world.ts";

/** Through both doors, as `support/refusals.ts` has it. */
const refusals = (name: string, codes: ErrorCode[]): Producers =>
  Object.fromEntries(
    codes.map((code): [string, Producer] => [
      code,
      async ({ api }) => {
        const refusal = OWN_REFUSALS[name]?.[code] ?? commonRefusals(name)[code];
        if (!refusal) throw new Error(`support/refusals.ts has no way to get ${code} from ${name}`);
        return throughBothDoors(api, name, await refusal(api));
      },
    ]),
  );

const form =
  (...args: Parameters<typeof multipart>): Producer =>
  ({ api }) =>
    api.rest("POST", "/v1/jobs", multipart(...args), FORM_TYPE);

const ofUrl =
  (path: string): Producer =>
  async ({ api }: World) => {
    const image = `https://files.test${path}?token=s3cret`;
    return throughBothDoors(api, "jobs.create", { input: { ...(await aJobInput(api)), image } });
  };

/** What is answered on the connection itself. */
function parseAnswer(answer: string): RestAnswer {
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  const [statusLine = "", ...lines] = head.split("\r\n");
  const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2) as [string, string]);
  return { status: Number(statusLine.split(" ")[1]), headers: new Headers(headers), body: JSON.parse(body) };
}

/** What is wrong with a request, or with the files that it brings. */
export const BY_REQUESTS: Producers = {
  ...refusals("jobs.create", [
    "invalid_input",
    "unknown_field",
    "malformed_json",
    "unauthorized",
    "body_too_large",
    "unsupported_content_type",
    "idempotency_mismatch",
    "upload_not_found",
    "upload_incomplete",
    "upload_mismatch",
    "media_type_mismatch",
    "unsupported_image",
    "unsupported_audio",
    "image_undecodable",
    "image_truncated",
    "image_too_small",
    "image_too_many_pixels",
    "audio_undecodable",
    "audio_truncated",
    "audio_too_short",
    "audio_too_long",
    "url_not_allowed",
    "insufficient_scope",
    "rate_limited",
    "test_key_required",
    "too_many_jobs",
    "queue_full",
    "gpu_quota_exceeded",
    "budget_exhausted",
  ]),
  ...refusals("keys.rotate", ["key_not_found"]),
  ...refusals("jobs.get", ["job_not_found"]),
  ...refusals("uploads.create", ["empty_file", "image_too_large", "audio_too_large"]),
  url_too_many_redirects: ofUrl("/circle"),
  url_unreachable: ofUrl("/gone"),
  url_too_slow: ofUrl("/silent"),
  malformed_multipart: form([], ""),
  missing_part: form([]),
  headers_too_large: async ({ api }) =>
    parseAnswer(await rawAnswer(api, "GET", "/v1/jobs", { "x-long": "x".repeat(20_000) })),
  async request_timeout() {
    const hasty = await startTestApi({ timeLimits: { bodyMs: 50 } });
    const headers = { authorization: `Bearer ${hasty.apiKey}`, "content-length": "1000" };
    const answer = await rawAnswer(hasty, "POST", "/v1/uploads", headers, "{");
    await hasty.stop();
    return parseAnswer(answer);
  },
  not_found: ({ api }) => api.rest("GET", "/v1/nothing"),
  method_not_allowed: ({ api }) => api.rest("PATCH", "/v1/jobs"),
  async batch_not_allowed({ api }) {
    const answer = await api.rest("POST", "/trpc/jobs.cancel,jobs.cancel?batch=1", {
      0: { id: "job_1" },
      1: { id: "job_2" },
    });
    return { ...answer, body: answer.body.error.data };
  },
};
