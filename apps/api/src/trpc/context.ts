import type { Scope } from "@avatar/contract/api-keys";
import type { Limits } from "@avatar/contract/types";
import type { ApiKeyService } from "../api-keys/api-key-service.ts";
import type { Caller } from "../api-keys/caller.ts";
import type { JobService } from "../jobs/job-service.ts";
import type { UploadRow } from "../uploads/upload-repository.ts";
import type { UploadService } from "../uploads/upload-service.ts";
import type { UsageService } from "../usage/usage-service.ts";

export interface Services {
  apiKeys: ApiKeyService;
  jobs: JobService;
  uploads: UploadService;
  usage: UsageService;
  limits: Limits;
}

/** What a procedure knows of the request, the same through every door. */
export interface Context {
  requestId: string;
  /** Does `work` in the request's trace, if it has one, within a span of that name. */
  traced: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  /** Of the span at hand, for what goes on after the request. */
  traceparent: () => string | undefined;
  /** The key was checked before the body was read. */
  caller: Caller;
  /** After a wait: the key may have ended, or lost the scope. @throws AppError `unauthorized`, `insufficient_scope` */
  authenticateAgain: (scope: Scope) => Promise<void>;
  services: Services;
  idempotencyKey: string | undefined;
  /** The files that came with the request itself, so that nobody looks them up again. */
  received: readonly UploadRow[];
  /** Headers for the answer. */
  headers: Record<string, string>;
}
