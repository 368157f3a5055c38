import { Job, JobIdInput } from "@avatar/contract/schemas";
import { generateProcedure } from "../trpc/init.ts";

export const cancelJob = generateProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/jobs/{id}/cancel",
      operationId: "cancel",
      summary: "Cancel a job",
      description:
        "Stops the render if it runs. Canceling twice is the same as once; a finished job stays as it is.",
      tags: ["jobs"],
    },
    errors: ["job_not_found"],
  })
  .input(JobIdInput)
  .output(Job)
  .mutation(({ ctx, input }) => ctx.services.jobs.cancel(ctx.caller, input.id));
