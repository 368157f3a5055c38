import { Key, KeyIdInput } from "@avatar/contract/key-schemas";
import { adminProcedure } from "../trpc/init.ts";

export const revokeKey = adminProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/keys/{id}/revoke",
      operationId: "revokeKey",
      summary: "Revoke an API key",
      description:
        "Within a second no server takes it any more, nor its child keys. Its jobs go on. Revoking twice is the same as once.",
      tags: ["keys"],
    },
    errors: ["key_not_found"],
  })
  .input(KeyIdInput)
  .output(Key)
  .mutation(({ ctx, input }) => ctx.services.apiKeys.revoke(ctx.caller.keyId, input.id));
