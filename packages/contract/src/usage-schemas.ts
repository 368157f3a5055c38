import { z } from "zod";
import { LIMITS } from "./limits.ts";
import { Id, storable, Timestamp } from "./schemas.ts";

const { firstDay, maxDays } = LIMITS.usage;

const Day = z.iso.date().refine((day) => day >= firstDay, `expected ${firstDay} or later`);

export const GetUsageInput = z.strictObject({
  from: Day.optional().describe("The first day, in UTC. Default: the first day of the month of `to`"),
  to: Day.optional().describe(
    `The last day, in UTC. Default: today. From the first to the last are ${maxDays} days at most`,
  ),
  owner: z
    .string()
    .min(1)
    .max(64)
    .refine(...storable)
    .optional()
    .describe("Another owner, or `*` for all of them: for keys with the scope admin"),
});

const counts = {
  jobs: z.int().describe("Made on that day; all else counts on the day it happened"),
  succeeded: z.int(),
  failed: z.int(),
  canceled: z.int(),
  videoSeconds: z.number().describe("Of finished videos"),
  gpuSeconds: z.int().describe("Whole seconds that were billed"),
  costUsd: z.number().describe("What they cost, in what the operator pays"),
};

export const Usage = z
  .object({
    from: z.iso.date(),
    to: z.iso.date(),
    totals: z.object(counts).meta({ id: "UsageTotals" }),
    days: z
      .array(
        z
          .object({
            day: z.iso.date().describe("In UTC"),
            owner: z.string(),
            keyId: Id.describe("What child keys did counts for the key that made them"),
            ...counts,
          })
          .meta({ id: "UsageDay" }),
      )
      .describe("Oldest first; days on which a key did nothing are left out"),
    limits: z
      .array(
        z
          .object({
            name: z.enum(["jobsInFlight", "jobsQueued", "gpuSecondsPerDay", "usdPerDay", "usdPerMonth"]),
            max: z.number(),
            left: z.number().describe("Without what is kept for jobs that are not over"),
            resetsAt: Timestamp.optional().describe("When it begins anew, where time alone does that"),
          })
          .meta({ id: "LimitLeft" }),
      )
      .describe("What the key that asks may still use now"),
  })
  .meta({ id: "Usage" });
