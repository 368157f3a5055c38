import { JobPage, ListJobsInput } from "@avatar/contract/schemas";
import { readProcedure } from "../trpc/init.ts";

export const listJobs = readProcedure
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
