import type { FastifyInstance } from "fastify";
import { errorRoutes } from "./error-routes.ts";
import { createOpenApiDocument } from "./openapi.ts";

/** The OpenAPI document, and the pages that errors link to. */
export async function docsRoutes(
  app: FastifyInstance,
  { publicUrl }: { publicUrl: () => string },
): Promise<void> {
  app.get("/openapi.json", async () => createOpenApiDocument(publicUrl()));
  await app.register(errorRoutes);
}
