import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

type Handler = (response: ServerResponse, forward: () => void) => void;

/** Stands between the program and the API, and can hold a request back or answer it itself. */
export async function startProxy(target: string) {
  const handlers = new Map<string, Handler>();
  const server = createServer((message, response) => {
    const route = `${message.method} ${message.url?.replace(/job_\w+/, ":id").replace(/\?.*/, "")}`;
    const forward = () => pass(message, response, target);
    const handler = handlers.get(route);
    if (handler) handler(response, forward);
    else forward();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    on: (route: string, handler: Handler) => void handlers.set(route, handler),
    /** Holds requests on a route until they are released. */
    hold(route: string) {
      let release = () => {};
      const reached = new Promise<void>((resolve) => {
        handlers.set(route, (_, forward) => {
          release = forward;
          resolve();
        });
      });
      return { reached, release: () => release() };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function pass(message: IncomingMessage, response: ServerResponse, target: string): void {
  const { method = "GET", url = "/", headers } = message;
  const onward = request(new URL(url, target), { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 500, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  response.on("close", () => onward.destroy());
  message.pipe(onward);
}
