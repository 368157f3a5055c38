import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { WorkerError, type WorkerErrorCode } from "@avatar/contract/worker";
import { EngineError } from "../engine.ts";
import type { RunPodFailure } from "./runpod-client.ts";

/** The worker's words in ours. What is missing here is a fault of the render. */
const CODES: Partial<Record<WorkerErrorCode, ErrorCode>> = {
  unsupported_image: "image_undecodable",
  image_too_large: "image_too_many_pixels",
  unsupported_audio: "audio_undecodable",
  audio_too_short: "audio_too_short",
  audio_too_long: "audio_too_long",
  deadline_exceeded: "run_timeout",
  claim_failed: "storage_unavailable",
  fetch_failed: "storage_unavailable",
  upload_failed: "storage_unavailable",
  invalid_input: "engine_misconfigured",
  url_not_allowed: "engine_misconfigured",
  models_invalid: "engine_misconfigured",
};

/** What RunPod says of a job that failed: our worker's JSON, or a sentence of its own. */
export function parseWorkerError(error: unknown) {
  try {
    return WorkerError.parse(JSON.parse(String(error)));
  } catch {
    return undefined;
  }
}

export function toEngineError(error: {
  code: WorkerErrorCode;
  detail: string;
  retryable: boolean;
}): EngineError {
  const code = CODES[error.code] ?? "render_failed";
  const isOfInput = ERRORS[code].status < 500;
  // What is wrong with the files is for the customer; what is wrong with the worker is for the operator.
  const detail = isOfInput ? error.detail : `${ERRORS[code].title}.`;
  return new EngineError(code, detail, {
    cause: new Error(`the worker said ${error.code}: ${error.detail}`),
    isFinal: !error.retryable,
  });
}

const FAILURES: Record<RunPodFailure, ErrorCode> = {
  unauthorized: "engine_unauthorized",
  not_found: "engine_misconfigured",
  refused: "engine_misconfigured",
  quota_exceeded: "engine_quota_exceeded",
  unavailable: "engine_unavailable",
  unclear: "engine_unavailable",
};

/** A job that could not be submitted. */
export function toSubmitError(failure: RunPodFailure, cause: unknown): EngineError {
  const code = FAILURES[failure];
  return new EngineError(code, `${ERRORS[code].title}.`, { cause });
}

/** @param reason for the operator */
export const engineError = (code: ErrorCode, reason: string, isFinal = false) =>
  new EngineError(code, `${ERRORS[code].title}.`, { cause: new Error(reason), isFinal });
