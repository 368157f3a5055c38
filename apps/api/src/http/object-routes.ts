import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import type { DiskObjectStore } from "../storage/disk-object-store.ts";
import { ObjectNotFound, type SignedPut } from "../storage/object-store.ts";
import { parseRange } from "./parse-range.ts";
import type { ShareLoad } from "./shed-load.ts";

// Links carry their own permission and no cookies, so any page may use one.
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-expose-headers": "etag, content-length, content-range, accept-ranges",
  "cross-origin-resource-policy": "cross-origin", // for <video> and <img>, which ask without CORS
};
const PREFLIGHT = {
  "access-control-allow-methods": "GET, HEAD, PUT",
  "access-control-allow-headers": "content-type, if-none-match, range, if-range",
  "access-control-max-age": "86400",
};

/** Serves the signed links of the disk store. */
export async function objectRoutes(
  app: FastifyInstance,
  { store, shareLoad }: { store: DiskObjectStore; shareLoad: ShareLoad },
): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  app.addHook("onRequest", async (_request, reply) => {
    reply.headers(CORS);
  });

  app.options("/objects/*", (_request, reply) => reply.code(204).headers(PREFLIGHT).send());

  // Before the body is asked for.
  const onRequest = async (request: FastifyRequest) => {
    const link = store.verifyPut(linkOf(request));
    shareLoad(request, link.of);
    checkHeaders(link, request);
  };
  app.put("/objects/*", { config: { load: "uploads" }, onRequest }, async (request, reply) => {
    const link = store.verifyPut(linkOf(request));
    // Not destroyed when we fail in the middle of it, so that the failure can be answered.
    const body = request.raw.iterator({ destroyOnReturn: false });
    await store.putSigned(link, body).catch((error: unknown) => {
      if (!request.raw.errored) throw error;
      throw new AppError("upload_mismatch", { detail: "The upload was broken off.", cause: error });
    });
    return reply.header("etag", (await store.head(link.key))?.etag).send();
  });

  app.route({
    method: ["GET", "HEAD"],
    url: "/objects/*",
    config: { load: "waits" }, // For a reader: a player reads as it plays.
    handler: async (request, reply) => {
      const { key, contentType, fileName, of } = store.verifyGet(linkOf(request));
      shareLoad(request, of);
      const object = await store.head(key);
      if (!object) throw missing(key);

      const ifRange = request.headers["if-range"];
      const isStale = ifRange !== undefined && ifRange !== object.etag;
      const range = isStale ? undefined : parseRange(request.headers.range, object.bytes);
      if (range === "unsatisfiable") {
        return reply.code(416).header("content-range", `bytes */${object.bytes}`).send();
      }
      const { start, end } = range ?? { start: 0, end: object.bytes };
      const body = request.method === "HEAD" ? undefined : await open(store, key, { start, end });

      if (range) reply.code(206).header("content-range", `bytes ${start}-${end - 1}/${object.bytes}`);
      reply.headers({
        "accept-ranges": "bytes",
        "cache-control": "private, no-store",
        "content-disposition": `attachment; filename="${fileName.replace(/[^\w .-]/g, "_")}"`,
        "content-length": end - start,
        "content-type": contentType,
        etag: object.etag,
        "x-content-type-options": "nosniff",
      });
      return reply.send(body);
    },
  });
}

/** All that can be known before the body is read. */
function checkHeaders({ bytes, contentType, once }: SignedPut, { headers }: FastifyRequest): void {
  const length = Number(headers["content-length"] ?? Number.NaN);
  if (bytes !== undefined && length > bytes) {
    const detail = `The body has ${length} bytes; ${bytes} were declared.`;
    throw new AppError("body_too_large", { detail });
  }
  const expect = (name: string, isRight: boolean, value: string | number) => {
    if (!isRight)
      throw new AppError("upload_mismatch", { detail: `${name} must be ${value}, as the upload says.` });
  };
  if (bytes !== undefined) expect("Content-Length", length === bytes, bytes);
  expect("Content-Type", headers["content-type"] === contentType, contentType);
  if (once) expect("If-None-Match", headers["if-none-match"] === "*", "*");
}

/** The object may be deleted after it was found. */
const open = (store: DiskObjectStore, key: string, range: { start: number; end: number }) =>
  store.read(key, range).catch((error: unknown) => {
    throw error instanceof ObjectNotFound ? missing(key) : error;
  });

/** As it came, not decoded: the signature is over these very characters. */
const linkOf = (request: FastifyRequest) =>
  request.url.slice(request.url.indexOf("/objects/") + "/objects/".length);

const missing = (key: string) =>
  new AppError(key.startsWith("videos/") ? "video_expired" : "upload_not_found");
