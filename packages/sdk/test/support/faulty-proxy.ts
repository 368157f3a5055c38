import {
  type ClientRequest,
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** What a connection or something in between does to a request; `after` says that the API has done its work by then. */
export const FAULTS = {
  "reset before": { after: false },
  "503 before": { after: false },
  "half of the request": { after: false },
  "lost reply": { after: true },
  "half of the reply": { after: true },
  "500 after": { after: true },
  "no reply": { after: true },
} as const;
export type FaultName = keyof typeof FAULTS;

/** Stands in front of a server on a real socket. @param choose a fault for the next request, or none */
export async function startFaultyProxy(choose: () => FaultName | undefined) {
  const proxy = { url: "", target: "", counts: {} as Partial<Record<FaultName, number>>, close };

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = choose();
    if (fault) proxy.counts[fault] = (proxy.counts[fault] ?? 0) + 1;
    if (fault === "reset before") return void message.socket.destroy();
    const body = await buffer(message);
    if (fault === "503 before")
      return void response.writeHead(503, { "retry-after": "0" }).end("upstream connect error");
    const answer = await forward(message, fault === "half of the request" ? halfOf(body) : body, fault);
    if (!answer || fault === "lost reply") return void message.socket.destroy();
    if (fault === "no reply") return;
    if (fault === "500 after") return void response.writeHead(500).end("proxy error");
    response.writeHead(answer.status, answer.headers);
    if (fault !== "half of the reply") return void response.end(answer.body);
    response.write(halfOf(answer.body), () => message.socket.destroy());
  }

  function forward({ method, url, headers }: IncomingMessage, body: Buffer, fault?: FaultName) {
    return new Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer } | undefined>(
      (resolve, reject) => {
        const sent: ClientRequest = request(`${proxy.target}${url}`, { method, headers }, async (answer) => {
          resolve({ status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) });
        });
        sent.on("error", fault === "half of the request" ? () => resolve(undefined) : reject);
        if (fault === "half of the request") sent.write(body, () => sent.destroy());
        else sent.end(body);
      },
    );
  }

  const server = createServer((message, response) => {
    handle(message, response).catch(() => message.socket.destroy());
  });
  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

const halfOf = (bytes: Buffer) => bytes.subarray(0, Math.floor(bytes.length / 2));
