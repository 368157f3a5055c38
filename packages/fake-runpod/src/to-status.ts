import type { Job } from "./platform.ts";

/** What `/status` and webhooks say of a job. */
export function toStatus(job: Job) {
  const { id, status, queuedAtMs, startedAtMs, endedAtMs, workerId, output, error } = job;
  return {
    id,
    status,
    ...(startedAtMs !== undefined && { delayTime: Math.round(startedAtMs - queuedAtMs), workerId }),
    ...(startedAtMs !== undefined &&
      endedAtMs !== undefined && { executionTime: Math.round(endedAtMs - startedAtMs) }),
    ...(output !== undefined && { output }),
    ...(error !== undefined && { error }),
  };
}
