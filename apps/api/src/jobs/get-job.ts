import { GetJobInput, Job } from "@avatar/contract/schemas";
import { readProcedure } from "../trpc/init.ts";

export const getJob = readProcedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/jobs/{id}",
      operationId: "status",
      summary: "Get a job, or wait until it changes",
      description:
        "With `wait`, the answer is held until the job's version is greater than `after`, the job is final, or the " +
        "time is up; it is the job as it is then.",
      tags: ["jobs"],
    },
    errors: ["job_not_found"],
  })
  .input(GetJobInput)
  .output(Job)
  .query(async ({ ctx, input, signal }) => {
    const job = await ctx.services.jobs.get(ctx.caller, input, signal);
    if (input.wait > 0) await ctx.authenticateAgain("read");
    return job;
  });
