import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { hostOf } from "./allowed-url.ts";
import { isPublicAddress } from "./public-address.ts";
import { notPublic, unreachable } from "./url-errors.ts";

const MAX_ADDRESSES = 3;
const MAX_HEADER_BYTES = 16 * 1024;

export interface Network {
  /** All addresses of a host name. */
  resolve: (host: string) => Promise<string[]>;
  /** Starts to connect to an address. */
  dial: (address: string, port: number) => Socket;
  /** Certificates to trust instead of the system's. */
  ca: string | undefined;
}

/**
 * Sends one GET and waits for the headers of the answer. The host is resolved once, and the very addresses that
 * were checked are connected to, so a name that resolves differently a moment later changes nothing.
 * The socket lives until the body's end, or until `signal` aborts.
 */
export async function requestUrl(url: URL, network: Network, signal: AbortSignal): Promise<IncomingMessage> {
  const host = hostOf(url);
  const addresses = isIP(host) ? [host] : await resolve(host, network, signal);
  if (!addresses.every(isPublicAddress)) throw notPublic(host);
  const socket = await connect(host, addresses, network, signal);
  return await new Promise((answer, reject) => {
    const failed = (cause?: unknown) =>
      reject(unreachable(`The server at ${host} gave no HTTP answer`, cause));
    request({
      // There must be no `agent`, not even `false`: with one, Node ignores the connection and makes its own.
      createConnection: () => socket,
      path: url.pathname + url.search,
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: {
        host: isIP(host) ? url.host : host,
        "user-agent": "avatar",
        accept: "*/*",
        "accept-encoding": "identity",
      },
    })
      .on("response", (response) => {
        response.on("error", ignore);
        answer(response);
      })
      .on("error", failed)
      .on("close", failed)
      .end();
  });
}

async function resolve(host: string, network: Network, signal: AbortSignal): Promise<string[]> {
  const addresses = await unlessAborted(network.resolve(host), signal).catch((cause) => {
    throw unreachable(`The host ${host} was not found`, cause);
  });
  if (addresses.length === 0) throw unreachable(`The host ${host} has no address`);
  return addresses;
}

async function connect(host: string, addresses: string[], network: Network, signal: AbortSignal) {
  let problem: unknown;
  for (const address of fewOfBothFamilies(addresses)) {
    signal.throwIfAborted();
    try {
      return await connectSecurely(host, address, network, signal);
    } catch (error) {
      problem = error;
    }
  }
  throw unreachable(`No secure connection to ${host} could be made`, problem);
}

/** Without IPv6 here, the many IPv6 addresses of a CDN would use up all attempts. */
function fewOfBothFamilies(addresses: string[]): string[] {
  const [first, ...others] = addresses;
  const other = others.find((address) => isIP(address) !== isIP(first ?? ""));
  return [...new Set([first, other, ...others])]
    .filter((address) => address !== undefined)
    .slice(0, MAX_ADDRESSES);
}

async function connectSecurely(
  host: string,
  address: string,
  { dial, ca }: Network,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const socket = closedBy(signal, dial(address, 443));
  await once(socket, "connect", { signal });
  const name = isIP(host) ? { host } : { host, servername: host }; // TLS has no server names that are addresses
  const secure = closedBy(
    signal,
    connectTls({ socket, ...name, ALPNProtocols: ["http/1.1"], rejectUnauthorized: true, ...(ca && { ca }) }),
  );
  try {
    await once(secure, "secureConnect", { signal });
    return secure;
  } catch (error) {
    cut(secure);
    throw error;
  }
}

/**
 * Closes a connection at once. What its socket still holds is dropped: Node's client ends the process by a failed
 * assertion where data comes after it has let go of the socket.
 */
export function cut(socket: Socket): void {
  socket.removeAllListeners("data");
  socket.destroy();
}

function closedBy<S extends Socket>(signal: AbortSignal, socket: S): S {
  const close = () => cut(socket);
  if (signal.aborted) close();
  signal.addEventListener("abort", close);
  socket.on("close", () => signal.removeEventListener("abort", close));
  return socket.on("error", ignore);
}

/** Errors reach whoever waits for the connection, the answer or the body; at other times nobody needs to know. */
const ignore = () => undefined;

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((done, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    promise.then(done, reject);
  });
}
