import { JobEstimate } from "@avatar/contract/estimate-schemas";
import { CreateJobInput } from "@avatar/contract/schemas";
import { generateProcedure } from "../trpc/init.ts";
import { INPUT_FILE_ERRORS, UPLOAD_ERRORS, URL_ERRORS } from "./job-errors.ts";
import { refuseLostLabels } from "./refuse-lost-labels.ts";

export const estimateJob = generateProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/estimate",
      operationId: "estimate",
      summary: "See what a job would take and cost, without making it",
      description:
        "Takes what `POST /v1/jobs` takes as JSON, looks at the files in the same way and refuses them with the same " +
        "codes. Nothing is queued and no GPU is used. What a limit or a budget would refuse is told in `refusal`.",
      tags: ["jobs"],
    },
    errors: ["test_key_required", ...UPLOAD_ERRORS, ...URL_ERRORS, ...INPUT_FILE_ERRORS],
  })
  .use(refuseLostLabels)
  .input(CreateJobInput)
  .output(JobEstimate)
  .mutation(({ ctx, input, signal }) => ctx.services.jobs.estimate(ctx.caller, input, signal));
