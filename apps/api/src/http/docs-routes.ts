import { ERRORS, isErrorCode } from "@avatar/contract/errors";
import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";
import { createOpenApiDocument } from "./openapi.ts";

/** The OpenAPI document, and the page that every error links to. */
export async function docsRoutes(
  app: FastifyInstance,
  { publicUrl }: { publicUrl: () => string },
): Promise<void> {
  app.get("/openapi.json", async () => createOpenApiDocument(publicUrl()));
  app.get<{ Params: { code: string } }>("/docs/errors/:code", async (request, reply) => {
    const { code } = request.params;
    if (!isErrorCode(code)) throw new AppError("not_found");
    const { status, retryable, title, hint } = ERRORS[code];
    reply.type("text/plain; charset=utf-8");
    return `${code} (HTTP ${status})\n\n${title}.\n\n${hint}\n\n${
      retryable ? "The same request may succeed later." : "The same request fails again until it is changed."
    }\n`;
  });
}
