import { Key, UpdateKeyInput } from "@avatar/contract/key-schemas";
import { adminProcedure } from "../trpc/init.ts";

export const updateKey = adminProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/keys/{id}",
      operationId: "updateKey",
      summary: "Change the name, scopes or limits of an API key",
      tags: ["keys"],
    },
    errors: ["key_not_found"],
  })
  .input(UpdateKeyInput)
  .output(Key)
  .mutation(({ ctx, input }) => ctx.services.apiKeys.update(ctx.caller.keyId, input));
