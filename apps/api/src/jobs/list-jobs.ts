import { JobPage, ListJobsInput } from "@avatar/contract/schemas";
import { procedure } from "../trpc/init.ts";

export const listJobs = procedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/jobs",
      operationId: "list",
      summary: "List jobs, newest first",
      tags: ["jobs"],
    },
  })
  .input(ListJobsInput)
  .output(JobPage)
  .query(({ ctx, input }) => ctx.services.jobs.list(ctx.caller, input));
