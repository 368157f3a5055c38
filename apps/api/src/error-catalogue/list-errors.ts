import { ErrorCatalogue, ListErrorsInput } from "@avatar/contract/error-schemas";
import { procedure } from "../trpc/init.ts";
import { errorCatalogue } from "./catalogue.ts";

export const listErrors = procedure
  .meta({
    openapi: {
      method: "GET",
      path: "/v1/errors",
      operationId: "errors",
      summary: "See every error that the API can answer",
      description:
        "Each with its cause and what to do about it. The same as pages, for which no key is needed: `/docs/errors`.",
      tags: ["errors"],
    },
  })
  .input(ListErrorsInput)
  .output(ErrorCatalogue)
  .query(() => errorCatalogue());
