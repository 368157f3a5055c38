import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export interface Served {
  url: string;
  port: number;
  stop(): Promise<void>;
}

/** Serves a function of `Request` on a real socket, as the adapters of frameworks do. */
export async function serve(handle: (request: Request) => Promise<Response>): Promise<Served> {
  const server = createServer(async (message, out) => {
    const gone = new AbortController();
    out.once("close", () => out.writableFinished || gone.abort());
    const { method = "GET", url = "/" } = message;
    const hasBody = method !== "GET" && method !== "HEAD";
    const request = new Request(new URL(url, `http://${message.headers.host}`), {
      method,
      headers: toHeaders(message.rawHeaders),
      signal: gone.signal,
      ...(hasBody && { body: Readable.toWeb(message) as ReadableStream, duplex: "half" }),
    });
    const response = await handle(request);
    out.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body) await pipeline(Readable.fromWeb(response.body as never), out).catch(() => {});
    else out.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function toHeaders(raw: readonly string[]): Headers {
  const headers = new Headers();
  for (let at = 0; at < raw.length; at += 2) headers.append(raw[at] ?? "", raw[at + 1] ?? "");
  return headers;
}
