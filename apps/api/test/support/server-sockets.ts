import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { onTestFinished } from "vitest";

const CHANNEL = "http.server.request.start";

/** The server's ends of the connections on which requests for paths that begin so come, from now on. */
export function serverSockets(path: string): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const listener = (message: unknown) => {
    const { request } = message as { request: IncomingMessage };
    if (request.url?.startsWith(path)) sockets.add(request.socket);
  };
  subscribe(CHANNEL, listener);
  onTestFinished(() => void unsubscribe(CHANNEL, listener));
  return sockets;
}
