import { connect, type Socket } from "node:net";
import type { Server } from "./servers.ts";

/** Longer than any long-poll. */
const SILENCE_MS = 35_000;

/** A client that costs as little as it can, so that thousands of them do not slow down what is measured. */
export interface RawAnswer {
  status: number;
  headers: string;
  body: string;
}

export function requestText(server: Server, method: string, path: string, body = "", close = false): string {
  const headers = {
    Host: `127.0.0.1:${server.port}`,
    ...server.headers,
    ...(body !== "" && { "Content-Type": "application/json" }),
    ...(method === "POST" && { "Content-Length": String(Buffer.byteLength(body)) }),
    ...(close && { Connection: "close" }),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

/** @throws with the code of the connection's error */
export function open(server: Server): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, "127.0.0.1", () => {
      socket.off("error", reject);
      resolve(socket);
    });
    socket.setNoDelay(true);
    socket.setTimeout(SILENCE_MS, () => {
      socket.destroy(Object.assign(new Error("the server is silent"), { code: "ETIMEDOUT" }));
    });
    socket.once("error", reject);
  });
}

/** What is read until `isOver`. @throws with the code of the connection's error, or `EARLY_END` */
export function readUntil(socket: Socket, isOver: (text: string) => boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const done = (settle: () => void) => {
      socket.off("data", read).off("error", fail).off("end", end).off("close", end);
      settle();
    };
    const fail = (error: Error) => done(() => reject(error));
    const end = () => fail(Object.assign(new Error("the connection ended"), { code: "EARLY_END" }));
    const read = (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (isOver(text)) done(() => resolve(text));
    };
    socket.on("data", read).once("error", fail).once("end", end).once("close", end);
  });
}

/** One request and its answer. Its length must be declared, as that of JSON is. */
export async function exchange(socket: Socket, text: string): Promise<RawAnswer> {
  const reading = readUntil(socket, (answer) => {
    const end = answer.indexOf("\r\n\r\n");
    return end >= 0 && answer.length >= end + 4 + Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0);
  });
  socket.write(text);
  const answer = await reading;
  const end = answer.indexOf("\r\n\r\n");
  return {
    status: Number(answer.slice(9, 12)),
    headers: answer.slice(0, end).toLowerCase(),
    body: answer.slice(end + 4),
  };
}
