import type { Socket } from "node:net";
import type { FastifyInstance } from "fastify";

/** How long requests may take to finish once the server stops. */
const GRACE_MS = 8000;
/** How long a connection without a request may take to send one, which may be under way already. */
const FIRST_REQUEST_MS = 1000;

/**
 * Lets the server stop: `close` ends connections that are idle at that moment, and waits without end for those that
 * never sent a request, are kept alive after the answer that they wait for, or never finish theirs.
 */
export function finishConnections(app: FastifyInstance): void {
  const unused = new Set<Socket>();
  let isStopping = false;

  app.server.on("connection", (socket) => {
    unused.add(socket);
    socket.once("close", () => unused.delete(socket));
  });
  app.server.on("request", ({ socket }) => unused.delete(socket));
  app.addHook("onSend", async (_request, reply) => {
    if (isStopping) reply.header("connection", "close");
  });
  // An answer that began before does not say that its connection ends.
  app.addHook("onResponse", async ({ raw }) => {
    if (isStopping) raw.socket.end();
  });
  app.addHook("preClose", async () => {
    isStopping = true;
    const endUnused = () => {
      for (const socket of unused) socket.destroy();
    };
    const endAll = () => app.server.closeAllConnections();
    const deadlines = [setTimeout(endUnused, FIRST_REQUEST_MS), setTimeout(endAll, GRACE_MS)];
    app.server.once("close", () => deadlines.forEach(clearTimeout));
  });
}
