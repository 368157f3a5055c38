import type { FastifyInstance } from "fastify";
import { errorRoutes } from "./error-routes.ts";
import { createOpenApiDocument } from "./openapi.ts";

interface Deps {
  publicUrl: () => string;
  createDocument?: (baseUrl: string) => object;
}

/** The OpenAPI document, and the pages that errors link to. */
export async function docsRoutes(
  app: FastifyInstance,
  { publicUrl, createDocument = createOpenApiDocument }: Deps,
): Promise<void> {
  // Anybody may ask for it, and it takes a while to make.
  let kept: { url: string; json: string } | undefined;
  app.get("/openapi.json", async (_request, reply) => {
    const url = publicUrl();
    if (kept?.url !== url) kept = { url, json: JSON.stringify(createDocument(url)) };
    return reply.type("application/json; charset=utf-8").send(kept.json);
  });
  await app.register(errorRoutes);
}
