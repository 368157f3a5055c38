import Fastify from "fastify";
import { expect, onTestFinished, test } from "vitest";
import type { TrustedProxies } from "../config.ts";
import { clientAddress, trustProxy } from "./client-address.ts";

const PEER = "127.0.0.1";

/** Who a server behind these proxies takes for the client. */
async function clientOf(proxies: TrustedProxies | undefined, forwardedFor: string): Promise<string> {
  const app = Fastify({ trustProxy: trustProxy(proxies) });
  app.get("/", async (request) => clientAddress(request));
  onTestFinished(() => app.close());
  const url = await app.listen({ port: 0, host: PEER });
  return (await fetch(url, { headers: { "x-forwarded-for": forwardedFor } })).text();
}

test.each(["203.0.113.9", `${PEER}, 203.0.113.9`, "::1", "nonsense"])(
  "without proxies an X-Forwarded-For of %s is not believed",
  async (forwardedFor) => {
    expect(await clientOf(undefined, forwardedFor)).toBe(PEER);
  },
);

test.each<[TrustedProxies, string, string]>([
  [1, "203.0.113.9", "203.0.113.9"],
  [1, "192.0.2.66, 203.0.113.9", "203.0.113.9"], // The first was sent by the client itself.
  [2, "192.0.2.66, 203.0.113.9, 10.0.0.7", "203.0.113.9"],
  [2, "203.0.113.9", "203.0.113.9"],
  [["127.0.0.0/8"], "192.0.2.66, 203.0.113.9", "203.0.113.9"],
  [["127.0.0.1", "10.0.0.0/8"], "192.0.2.66, 203.0.113.9, 10.0.0.7", "203.0.113.9"],
  [["127.0.0.1"], "203.0.113.9, 10.0.0.7", "10.0.0.7"],
  [["10.0.0.0/8"], "203.0.113.9", PEER], // Who connected is none of them.
  [["::1/128"], "203.0.113.9", PEER],
  [1, "nonsense", PEER],
])("behind %j, of %s the client is %s", async (proxies, forwardedFor, client) => {
  expect(await clientOf(proxies, forwardedFor)).toBe(client);
});
