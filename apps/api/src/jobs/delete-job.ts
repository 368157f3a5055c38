import { Job, JobIdInput } from "@avatar/contract/schemas";
import { generateProcedure } from "../trpc/init.ts";

export const deleteJob = generateProcedure
  .meta({
    openapi: {
      method: "DELETE",
      path: "/v1/jobs/{id}",
      operationId: "delete",
      summary: "Delete a job's files now",
      description:
        "Cancels the job if it is unfinished. The video is deleted, and so are the uploads unless another unfinished " +
        "job needs them. The job itself stays in the list.",
      tags: ["jobs"],
    },
    errors: ["job_not_found", "storage_unavailable"],
  })
  .input(JobIdInput)
  .output(Job)
  .mutation(({ ctx, input }) => ctx.services.jobs.delete(ctx.caller, input.id));
