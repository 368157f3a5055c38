import type { Socket } from "node:net";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { toProblem } from "../problem.ts";

const DETAILS: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: "The headers did not arrive in time.",
  HPE_HEADER_OVERFLOW: "The headers are too long.",
};

/** Answers what is no HTTP, or too slow or too large to be a request: there is no request object then. */
export function answerClientErrors(newId: NewId) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const problem = toProblem(
      new AppError("invalid_input", { detail: DETAILS[error.code ?? ""] ?? "This is not HTTP." }),
      newId("req"),
    );
    const body = JSON.stringify(problem);
    socket.write(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
        `x-request-id: ${problem.requestId}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    );
    // Unlike `end`, this does not wait for the client to close its half.
    socket.destroySoon();
  };
}
