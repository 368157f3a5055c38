import { GetLimitsInput, Limits } from "@avatar/contract/schemas";
import { procedure } from "../trpc/init.ts";

export const getLimits = procedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/limits",
      operationId: "limits",
      summary: "See what is taken, and how long it is kept",
      tags: ["limits"],
    },
  })
  .input(GetLimitsInput)
  .output(Limits)
  .query(({ ctx }) => ctx.services.limits);
