import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { toProblem } from "../problem.ts";
import { securityHeaders } from "./security-headers.ts";

const ERRORS_OF_NODE: Record<string, () => AppError> = {
  ERR_HTTP_REQUEST_TIMEOUT: () =>
    new AppError("request_timeout", { detail: "The headers did not arrive in time." }),
  HPE_HEADER_OVERFLOW: () => new AppError("headers_too_large"),
};
const notHttp = () => new AppError("invalid_input", { detail: "This is not HTTP." });

/** Answers what is no HTTP, or too slow or too large to be a request: there is no request object then. */
export function answerClientErrors(newId: NewId, publicUrl: () => string) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === "ECONNRESET") socket.destroy();
    else refuse(socket, (ERRORS_OF_NODE[error.code ?? ""] ?? notHttp)(), newId("req"), publicUrl());
  };
}

/** Answers on the connection itself, and ends it. */
export function refuse(socket: Socket, error: AppError, requestId: string, publicUrl: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const problem = toProblem(error, requestId);
  const body = JSON.stringify(problem);
  const headers = {
    ...securityHeaders(publicUrl),
    "content-type": "application/problem+json; charset=utf-8",
    "x-request-id": requestId,
    "content-length": Buffer.byteLength(body),
    connection: "close",
  };
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${head.join("")}\r\n${body}`);
  // Unlike `end`, this does not wait for the client to close its half.
  socket.destroySoon();
}
