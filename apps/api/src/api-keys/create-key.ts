import { CreateKeyInput, NewKey } from "@avatar/contract/key-schemas";
import { adminProcedure } from "../trpc/init.ts";

export const createKey = adminProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/keys",
      operationId: "createKey",
      summary: "Make an API key",
      description: "The key itself is in this answer and never again: only its hash is stored.",
      tags: ["keys"],
    },
    status: 201,
  })
  .input(CreateKeyInput)
  .output(NewKey)
  .mutation(({ ctx, input }) => ctx.services.apiKeys.create(ctx.caller.keyId, input));
