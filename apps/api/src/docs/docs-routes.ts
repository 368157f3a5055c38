import { readFile } from "node:fs/promises";
import type { Limits } from "@avatar/contract/types";
import type { FastifyInstance } from "fastify";
import { errorRoutes } from "./error-routes.ts";
import { REFERENCE_HEADERS } from "./html-page.ts";
import { llmsText } from "./llms-text.ts";
import { createOpenApiDocument } from "./openapi.ts";
import { type OpenApi, referencePage } from "./reference-page.ts";

interface Deps {
  publicUrl: () => string;
  limits: Limits;
  createDocument?: (baseUrl: string) => object;
}

/** The API tells of itself: the OpenAPI document, what follows from it, and the pages that errors link to. */
export async function docsRoutes(
  app: FastifyInstance,
  { publicUrl, limits, createDocument = createOpenApiDocument }: Deps,
): Promise<void> {
  const document = kept(publicUrl, createDocument);
  const json = kept(publicUrl, () => JSON.stringify(document()));
  const page = kept(publicUrl, (url) => referencePage(document() as OpenApi, limits, url));
  const text = kept(publicUrl, (url) => llmsText(document() as OpenApi, limits, url));
  app.get("/openapi.json", async (_request, reply) =>
    reply.type("application/json; charset=utf-8").send(json()),
  );
  app.get("/docs", async (_request, reply) => reply.headers(REFERENCE_HEADERS).send(page()));
  app.get("/llms.txt", async (_request, reply) => reply.type("text/plain; charset=utf-8").send(text()));
  app.get("/docs/try-it.js", async (_request, reply) =>
    reply.type("text/javascript; charset=utf-8").send(await readFile(TRY_IT, "utf8")),
  );
  await app.register(errorRoutes);
}

const TRY_IT = new URL("./try-it.js", import.meta.url);

/** Anybody may ask for these, and they take a while to make: once for each address that the API has. */
function kept<T>(publicUrl: () => string, make: (url: string) => T): () => T {
  let latest: { url: string; value: T } | undefined;
  return () => {
    const url = publicUrl();
    if (latest?.url !== url) latest = { url, value: make(url) };
    return latest.value;
  };
}
