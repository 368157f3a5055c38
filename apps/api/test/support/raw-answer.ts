import { connect, type Socket } from "node:net";
import type { TestApi } from "./test-api.ts";

/** All bytes of an answer as they come, but for the time and the id of the request. */
export async function rawAnswer(
  { url }: Pick<TestApi, "url">,
  method: string,
  target: string,
  headers: Record<string, string | undefined>,
  body?: string,
): Promise<string> {
  const { hostname, port, host } = new URL(url);
  const all = {
    host,
    ...(body !== undefined && {
      "content-type": "application/json",
      // Else the body comes in its chunks.
      "content-length": headers["transfer-encoding"] === undefined ? String(body.length) : undefined,
    }),
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : `${name}: ${value}\r\n`,
  );
  const socket = connect(Number(port), hostname);
  socket.write(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n${body ?? ""}`);
  const answer = await untilWhole(socket, method);
  return answer.replace(/^date: .*$/im, "date: ").replaceAll(/req_[0-9a-f]{32}/g, "req_");
}

/** The connection is left open: how one is closed depends on how much of a body had come by then. */
async function untilWhole(socket: Socket, method: string): Promise<string> {
  let answer = "";
  for await (const chunk of socket.setEncoding("latin1")) {
    answer += chunk;
    const [head = "", body] = answer.split("\r\n\r\n");
    const length = /^content-length: (\d+)/im.exec(head)?.[1];
    if (body !== undefined && (method === "HEAD" || body.length >= Number(length))) break;
  }
  return answer;
}
