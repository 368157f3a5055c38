import { GetCurrentKeyInput, Key } from "@avatar/contract/key-schemas";
import { procedure } from "../trpc/init.ts";

export const getCurrentKey = procedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/keys/current",
      operationId: "currentKey",
      summary: "See the key that is in use",
      tags: ["keys"],
    },
  })
  .input(GetCurrentKeyInput)
  .output(Key)
  .query(({ ctx }) => ctx.services.apiKeys.current(ctx.caller));
