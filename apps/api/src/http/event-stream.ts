import type { ServerResponse } from "node:http";

/** Looks after an answer that goes on for long, until it ends. */
export function tendStream(response: ServerResponse, everyMs: number, heartbeat?: string): void {
  if (response.closed) return; // It would not be told again.
  const timer = setInterval(createLook(response, heartbeat), everyMs);
  response.once("close", () => clearInterval(timer));
}

/**
 * A client that takes nothing of what waits for it, from one look to the next, is cut off: all of that is in our memory.
 * Where nothing waits, `heartbeat` is sent, so that proxies keep the connection and one that is dead is noticed.
 */
export function createLook(response: ServerResponse, heartbeat?: string): () => void {
  let takenBefore: number | undefined;
  return function look() {
    const { socket } = response;
    if (!socket || !response.headersSent) return;
    const taken = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength > 0 && taken === takenBefore) response.destroy();
    else if (heartbeat && socket.writableLength === 0 && !response.writableEnded) response.write(heartbeat);
    takenBefore = taken;
  };
}
