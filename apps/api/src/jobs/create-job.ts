import { CreateJobInput, Job } from "@avatar/contract/schemas";
import { generateProcedure } from "../trpc/init.ts";
import { INPUT_FILE_ERRORS, UPLOAD_ERRORS, URL_ERRORS } from "./job-errors.ts";
import { refuseLostLabels } from "./refuse-lost-labels.ts";

export const createJob = generateProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/jobs",
      operationId: "generate",
      summary: "Queue a talking video",
      description:
        "Takes a portrait and a speech recording: as ids of uploads, as https URLs, or as files in a form. The answer is the " +
        "queued job; wait for it with `GET /v1/jobs/{id}?wait=30`. With an `Idempotency-Key`, repeating the request " +
        "within 24 hours gives the same job.",
      tags: ["jobs"],
    },
    status: 202,
    errors: [
      "malformed_multipart",
      "missing_part",
      "test_key_required",
      "idempotency_mismatch",
      "too_many_jobs",
      "queue_full",
      "gpu_quota_exceeded",
      "budget_exhausted",
      ...UPLOAD_ERRORS,
      ...URL_ERRORS,
      ...INPUT_FILE_ERRORS,
    ],
  })
  .use(refuseLostLabels)
  .input(CreateJobInput)
  .output(Job)
  .mutation(async ({ ctx, input, signal }) => {
    const { caller, idempotencyKey, received, requestId } = ctx;
    const options = { idempotencyKey, received, signal, requestId, traceparent: ctx.traceparent() };
    const { job, replayed } = await ctx.services.jobs.create(caller, input, options);
    ctx.headers.location = `/v1/jobs/${job.id}`;
    if (replayed) ctx.headers["idempotency-replayed"] = "true";
    return job;
  });
