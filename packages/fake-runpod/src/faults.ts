/** What a request is for. The first four come from customers of RunPod, the others from its workers. */
export type Operation =
  | "run"
  | "status"
  | "cancel"
  | "health"
  | "job-take"
  | "job-done"
  | "job-stop"
  | "ping";

/**
 * `reset`: cut before anything is done. `reset after`: done, and cut before the answer. `garbage`: done, and answered
 * with 200 and no JSON. `delayMs`: done, and answered so much later. `status`: not done. `statusAfter`: done, and
 * answered with that.
 */
export type Fault =
  | "reset"
  | "reset after"
  | "garbage"
  | { status: number; headers?: Record<string, string>; body?: unknown }
  | { statusAfter: number }
  | { delayMs: number };

/** Asked before each request; undefined lets it pass. */
export type FaultScript = (operation: Operation, jobId: string | undefined) => Fault | undefined;

/** What becomes of a webhook: how often it is sent, and how much later. */
export type WebhookScript = (jobId: string) => { times: number; delayMs?: number } | undefined;
