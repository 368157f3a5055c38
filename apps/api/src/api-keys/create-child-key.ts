import { CreateChildKeyInput, NewKey } from "@avatar/contract/key-schemas";
import { procedure } from "../trpc/init.ts";

export const createChildKey = procedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/child-keys",
      operationId: "createChildKey",
      summary: "Make a short-lived key for a browser",
      description:
        "It lives for an hour at most, sees only the jobs that it made, and is held by its own limits and by those of the key " +
        "that made it. Child keys make no keys.",
      tags: ["keys"],
    },
    status: 201,
    errors: ["insufficient_scope"],
  })
  .input(CreateChildKeyInput)
  .output(NewKey)
  .mutation(({ ctx, input }) => ctx.services.apiKeys.createChild(ctx.caller, input));
