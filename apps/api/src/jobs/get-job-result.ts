import { JobIdInput, JobResult } from "@avatar/contract/schemas";
import { procedure } from "../trpc/init.ts";
import { RUN_ERRORS } from "./job-errors.ts";

export const getJobResult = procedure
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
    errors: ["job_not_found", "job_not_finished", "job_canceled", "video_expired", ...RUN_ERRORS],
  })
  .input(JobIdInput)
  .output(JobResult)
  .query(({ ctx, input }) => ctx.services.jobs.result(ctx.caller, input.id));
