import { isIP } from "node:net";
import type { FastifyRequest } from "fastify";
import type { TrustedProxies } from "../config.ts";

/** For Fastify: whom to believe an `X-Forwarded-For`. It takes a number, too, but then believes nobody. */
export function trustProxy(proxies: TrustedProxies | undefined) {
  return typeof proxies === "number" ? (_address: string, hop: number) => hop < proxies : (proxies ?? false);
}

/** Who sent the request, as far as that is known. A proxy may have passed on anything instead of an address. */
export function clientAddress(request: FastifyRequest): string | undefined {
  return isIP(request.ip) ? request.ip : request.socket.remoteAddress;
}
