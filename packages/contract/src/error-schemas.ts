import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { Timestamp } from "./schemas.ts";

export const ListErrorsInput = z.strictObject({});

const ErrorEntry = z
  .object({
    code: z.enum(ERROR_CODES),
    status: z.int().describe("HTTP status; of a code that ends a job, the status of its result"),
    retryable: z.boolean().describe("The same call may succeed later without a change"),
    title: z.string(),
    cause: z.string().describe("When exactly this code is answered"),
    hint: z.string().describe("What to do about it"),
    docs: z.string().describe("Path of the page about this code, on the host of the API"),
  })
  .meta({ id: "ErrorEntry" });

export const ErrorCatalogue = z.object({ items: z.array(ErrorEntry) }).meta({ id: "ErrorCatalogue" });

export const LimitReached = z
  .object({
    of: z.enum(["key", "childKey", "service"]).describe("service: of all customers together"),
    name: z.enum([
      "requestsPerMinute",
      "jobsInFlight",
      "jobsQueued",
      "gpuSecondsPerDay",
      "usdPerDay",
      "usdPerMonth",
    ]),
    max: z.number().optional().describe("Left out for the service"),
    left: z.number().optional().describe("Left out for the service"),
    resetsAt: Timestamp.optional().describe("When it begins anew, where time alone does that"),
  })
  .describe("Which limit the request ran into")
  .meta({ id: "LimitReached" });

const Issue = z.object({ path: z.string(), message: z.string() }).meta({ id: "Issue" });

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.enum(ERROR_CODES),
    detail: z.string().describe("What happened, in a sentence"),
    hint: z.string().describe("What to do about it"),
    docs: z.string().describe("Path of the page about this code, on the host of the API"),
    requestId: z.string().describe("Quote it when you report a problem"),
    issues: z.array(Issue).optional(),
    retryAfterMs: z.int().optional(),
    limit: LimitReached.optional(),
  })
  .meta({ id: "Problem" });
