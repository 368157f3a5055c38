import { NewKey, RotateKeyInput } from "@avatar/contract/key-schemas";
import { adminProcedure } from "../trpc/init.ts";

export const rotateKey = adminProcedure
  .meta({
    openapi: {
      method: "POST",
      path: "/v1/keys/{id}/rotate",
      operationId: "rotateKey",
      summary: "Give an API key a new text",
      description:
        "Its id, limits, jobs and usage stay. What it was before works for `overlapSeconds` more; with 0 it ends at once. Child keys " +
        "end with the text that made them. A key that was rotated before loses the text before that one.",
      tags: ["keys"],
    },
    errors: ["key_not_found"],
  })
  .input(RotateKeyInput)
  .output(NewKey)
  .mutation(({ ctx, input }) => ctx.services.apiKeys.rotate(ctx.caller.keyId, input));
