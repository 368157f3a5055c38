import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";

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
