import { cancelJob } from "../jobs/cancel-job.ts";
import { createJob } from "../jobs/create-job.ts";
import { deleteJob } from "../jobs/delete-job.ts";
import { getJob } from "../jobs/get-job.ts";
import { getJobResult } from "../jobs/get-job-result.ts";
import { listJobs } from "../jobs/list-jobs.ts";
import { getLimits } from "../limits/get-limits.ts";
import { createUpload } from "../uploads/create-upload.ts";
import { trpc } from "./init.ts";

/** Every operation, once. All doors serve this. */
export const router = trpc.router({
  jobs: {
    create: createJob,
    get: getJob,
    result: getJobResult,
    list: listJobs,
    cancel: cancelJob,
    delete: deleteJob,
  },
  uploads: { create: createUpload },
  limits: { get: getLimits },
});

export type Router = typeof router;
