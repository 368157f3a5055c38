import { isErrorCode } from "@avatar/contract/errors";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import { errorIndexPage, errorPage, type Page } from "./error-pages.ts";
import { PAGE_HEADERS } from "./html-page.ts";

/** The error catalogue for people. No key is needed: who reads it may have a key that does not work. */
export async function errorRoutes(app: FastifyInstance): Promise<void> {
  app.get("/docs/errors", async (request, reply) => sendPage(errorIndexPage(), request, reply));
  app.get<{ Params: { code: string } }>("/docs/errors/:code", async (request, reply) => {
    const { code } = request.params;
    if (!isErrorCode(code)) throw new AppError("not_found");
    return sendPage(errorPage(code), request, reply);
  });
}

/** Text, for example for curl, unless HTML is asked for. */
function sendPage({ html, text }: Page, { headers }: FastifyRequest, reply: FastifyReply): string {
  reply.header("vary", "accept");
  if (headers.accept?.includes("text/html")) {
    reply.headers(PAGE_HEADERS);
    return html;
  }
  reply.type("text/plain; charset=utf-8");
  return text;
}
