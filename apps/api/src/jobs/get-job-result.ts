import { JOB_ERROR_CODES } from "@avatar/contract/job-errors";
import { JobIdInput, JobResult } from "@avatar/contract/schemas";
import { readProcedure } from "../trpc/init.ts";

export const getJobResult = readProcedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/jobs/{id}/result",
      operationId: "result",
      summary: "Get a link to the finished video",
      description:
        "The link is new on every call and works until the video is deleted. For a failed job the answer is the " +
        "error it failed with.",
      tags: ["jobs"],
    },
    errors: ["job_not_found", "job_not_finished", "job_canceled", "video_expired", ...JOB_ERROR_CODES],
  })
  .input(JobIdInput)
  .output(JobResult)
  .query(({ ctx, input }) => ctx.services.jobs.result(ctx.caller, input.id));
