import { KeyPage, ListKeysInput } from "@avatar/contract/key-schemas";
import { adminProcedure } from "../trpc/init.ts";

export const listKeys = adminProcedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/keys",
      operationId: "listKeys",
      summary: "List API keys, newest first",
      description: "Of all owners, or of one; without child keys.",
      tags: ["keys"],
    },
  })
  .input(ListKeysInput)
  .output(KeyPage)
  .query(({ ctx, input }) => ctx.services.apiKeys.list(input));
