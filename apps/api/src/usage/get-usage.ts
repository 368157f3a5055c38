import { GetUsageInput, Usage } from "@avatar/contract/usage-schemas";
import { readProcedure } from "../trpc/init.ts";

export const getUsage = readProcedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/usage",
      operationId: "usage",
      summary: "See what was used, by day and key, and what is left",
      description:
        "Of the owner of the key: live keys see live jobs, test keys those of test keys. It stays when jobs are deleted. " +
        "Child keys do not see it.",
      tags: ["usage"],
    },
  })
  .input(GetUsageInput)
  .output(Usage)
  .query(({ ctx, input }) => ctx.services.usage.get(ctx.caller, input));
