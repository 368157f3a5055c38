import type { Socket } from "node:net";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { toProblem } from "../problem.ts";
import { securityHeaders } from "./security-headers.ts";

const DETAILS: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: "The headers did not arrive in time.",
  HPE_HEADER_OVERFLOW: "The headers are too long.",
};

/** Answers what is no HTTP, or too slow or too large to be a request: there is no request object then. */
export function answerClientErrors(newId: NewId, publicUrl: () => string) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === "ECONNRESET") socket.destroy();
    else refuse(socket, DETAILS[error.code ?? ""] ?? "This is not HTTP.", newId("req"), publicUrl());
  };
}

/** Answers on the connection itself, and ends it. */
export function refuse(socket: Socket, detail: string, requestId: string, publicUrl: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(toProblem(new AppError("invalid_input", { detail }), requestId));
  const headers = {
    ...securityHeaders(publicUrl),
    "content-type": "application/problem+json; charset=utf-8",
    "x-request-id": requestId,
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 400 Bad Request\r\n${head.join("")}\r\n${body}`);
  // Unlike `end`, this does not wait for the client to close its half.
  socket.destroySoon();
}
