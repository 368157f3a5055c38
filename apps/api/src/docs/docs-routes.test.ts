import { LIMITS } from "@avatar/contract/limits";
import Fastify from "fastify";
import { expect, onTestFinished, test } from "vitest";
import { toLimits } from "../limits/to-limits.ts";
import { docsRoutes } from "./docs-routes.ts";

test("the OpenAPI document is made once for each URL that the API has", async () => {
  const made: string[] = [];
  let url = "http://a";
  const app = Fastify();
  onTestFinished(() => app.close());
  const createDocument = (baseUrl: string) => {
    made.push(baseUrl);
    return { openapi: "3.1.0", servers: [{ url: baseUrl }] };
  };
  const limits = toLimits("preview", LIMITS, 3600);
  await app.register(docsRoutes, { publicUrl: () => url, limits, createDocument });
  const base = await app.listen({ port: 0, host: "127.0.0.1" });
  const served = async () => {
    const answer = await fetch(new URL("/openapi.json", base));
    expect(answer.headers.get("content-type")).toBe("application/json; charset=utf-8");
    return ((await answer.json()) as { servers: unknown }).servers;
  };
  for (let i = 0; i < 3; i++) expect(await served()).toEqual([{ url: "http://a" }]);
  url = "https://b";
  expect(await served()).toEqual([{ url: "https://b" }]);
  expect(made).toEqual(["http://a", "https://b"]);
});
