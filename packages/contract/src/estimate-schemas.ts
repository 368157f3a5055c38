import { z } from "zod";
import { LimitReached } from "./error-schemas.ts";
import { ERROR_CODES } from "./errors.ts";
import { WARNING_CODES } from "./warnings.ts";

export const JobEstimate = z
  .object({
    audioSeconds: z.number().positive().describe("Length of the recording, and of the video"),
    cost: z
      .object({
        gpuSeconds: z.int().min(0).describe("Whole seconds that may be billed"),
        usd: z.number().min(0),
      })
      .describe(
        "What it may cost, after the latest jobs, in what the operator pays; so much of a budget would be kept for it",
      )
      .meta({ id: "EstimatedCost" }),
    position: z
      .int()
      .positive()
      .optional()
      .describe("Where it would stand in the queue; left out where thousands are before it"),
    etaSeconds: z
      .int()
      .min(0)
      .optional()
      .describe("How long it may take from now on, after the latest jobs; left out until there are any"),
    cold: z.boolean().describe("Nothing runs, so a worker would have to start from zero, which takes longer"),
    warnings: z.array(
      z
        .object({
          code: z.enum(WARNING_CODES),
          message: z.string().describe("What may go wrong, in a sentence"),
        })
        .meta({ id: "EstimateWarning" }),
    ),
    refusal: z
      .object({ code: z.enum(ERROR_CODES), detail: z.string(), limit: LimitReached.optional() })
      .optional()
      .describe("The limit or budget that would refuse the job now")
      .meta({ id: "ForeseenRefusal" }),
  })
  .meta({ id: "JobEstimate" });
