import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, isIP, isIPv4, type Server } from "node:net";
import type { Duplex } from "node:stream";
import DNS from "dns2";
import { generate } from "selfsigned";

export type SmallInternet = Awaited<ReturnType<typeof startSmallInternet>>;

interface Options {
  /** Where the web server is. Every other address there is leads to the canary. */
  publicAddresses: string[];
  /** Names and addresses in its certificate; `*.` is a wildcard. */
  certified: string[];
}

/**
 * A name server, a web server with TLS, and a canary that counts who comes in. They are real and on loopback;
 * only the way from an address to a server is made up.
 */
export async function startSmallInternet({ publicAddresses, certified }: Options) {
  const names = await startNames();
  const altNames = certified.map((name) => {
    return isIP(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name };
  });
  const { private: key, cert } = await generate([{ name: "commonName", value: "the small internet" }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [{ name: "subjectAltName", altNames }],
  });

  const canaryHits: string[] = [];
  const canary = createServer((_request, response) => response.end("a secret of the internal network"));
  canary.on("connection", () => canaryHits.push("a connection"));

  let handler: RequestListener = (_request, response) => response.end();
  const web = createSecureServer({ key, cert }, (request, response) => handler(request, response));
  const openSockets = new Set<Duplex>();
  web.on("connection", (socket) => {
    openSockets.add(socket);
    socket.once("close", () => openSockets.delete(socket));
  });
  const [canaryPort, webPort] = [await listen(canary), await listen(web)];

  return {
    ca: cert,
    /** By name, the addresses that the first, the second … query gets; the last is repeated. */
    zone: names.zone,
    /** Names that were looked up, once per lookup. */
    lookups: names.lookups,
    canaryHits,
    openSockets,
    resolve: names.resolve,
    dial(address: string, port: number) {
      const isWeb = publicAddresses.includes(address) && port === 443;
      return connect({ host: "127.0.0.1", port: isWeb ? webPort : canaryPort });
    },
    /** What the web server does with a request. */
    answer(listener: RequestListener) {
      handler = listener;
    },
    async stop() {
      for (const socket of openSockets) socket.destroy();
      canary.closeAllConnections();
      await Promise.all([names.stop(), close(web), close(canary)]);
    },
  };
}

async function startNames() {
  const zone = new Map<string, string[][]>();
  const lookups: string[] = [];
  const counts = new Map<string, number>();
  const server = DNS.createServer({
    udp: true,
    handle(request, send) {
      const response = DNS.Packet.createResponseFromRequest(request);
      const [question] = request.questions;
      if (!question) return;
      const { name, type } = question;
      const isIpv4 = type === DNS.Packet.TYPE.A;
      if (isIpv4) lookups.push(name);
      const answers = zone.get(name);
      const count = counts.get(`${name} ${type}`) ?? 0;
      counts.set(`${name} ${type}`, count + 1);
      if (!answers) response.header.rcode = DNS.Packet.RCODE.NXDOMAIN;
      for (const address of answers?.[Math.min(count, answers.length - 1)] ?? []) {
        if (isIPv4(address) !== isIpv4) continue;
        response.answers.push(DNS.Packet.createResourceFromQuestion(question, { address, ttl: 0 }));
      }
      void send(response);
    },
  });
  const { udp } = await server.listen({ udp: { port: 0, address: "127.0.0.1" } });
  const resolver = new Resolver({ timeout: 5000, tries: 2 });
  resolver.setServers([`127.0.0.1:${udp?.port}`]);
  return {
    zone,
    lookups,
    /** Like `lookup` with `all`: no answer in one family is fine, an unknown name is an error. */
    async resolve(host: string): Promise<string[]> {
      const none = (error: NodeJS.ErrnoException) => {
        if (error.code === "ENODATA") return [];
        throw error;
      };
      const families = [resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)];
      return (await Promise.all(families)).flat();
    },
    stop: () => server.close(),
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  await new Promise((closed) => server.close(closed));
}
