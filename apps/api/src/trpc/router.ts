import { createChildKey } from "../api-keys/create-child-key.ts";
import { createKey } from "../api-keys/create-key.ts";
import { getCurrentKey } from "../api-keys/get-current-key.ts";
import { listKeys } from "../api-keys/list-keys.ts";
import { revokeKey } from "../api-keys/revoke-key.ts";
import { rotateKey } from "../api-keys/rotate-key.ts";
import { updateKey } from "../api-keys/update-key.ts";
import { listErrors } from "../error-catalogue/list-errors.ts";
import { cancelJob } from "../jobs/cancel-job.ts";
import { createJob } from "../jobs/create-job.ts";
import { deleteJob } from "../jobs/delete-job.ts";
import { estimateJob } from "../jobs/estimate-job.ts";
import { getJob } from "../jobs/get-job.ts";
import { getJobResult } from "../jobs/get-job-result.ts";
import { listJobs } from "../jobs/list-jobs.ts";
import { watchJob } from "../jobs/watch-job.ts";
import { getLimits } from "../limits/get-limits.ts";
import { createUpload } from "../uploads/create-upload.ts";
import { getUsage } from "../usage/get-usage.ts";
import { trpc } from "./init.ts";

/** Every operation, once. All doors serve this. */
export const router = trpc.router({
  jobs: {
    create: createJob,
    estimate: estimateJob,
    get: getJob,
    watch: watchJob,
    result: getJobResult,
    list: listJobs,
    cancel: cancelJob,
    delete: deleteJob,
  },
  uploads: { create: createUpload },
  limits: { get: getLimits },
  usage: { get: getUsage },
  keys: {
    create: createKey,
    list: listKeys,
    update: updateKey,
    rotate: rotateKey,
    revoke: revokeKey,
    createChild: createChildKey,
    current: getCurrentKey,
  },
  errors: { list: listErrors },
});

export type Router = typeof router;
