import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Stands between the API and Postgres, and takes it away. */
export interface TcpProxy {
  /** The address given, with this proxy in its place. */
  url: string;
  /** Breaks all connections, and lets new ones in only after `up`. */
  down(): void;
  up(): void;
  /** Goes down when the transaction in which `text` occurs was committed, before the API hears of it. */
  downAtCommitOf(text: string): Promise<void>;
  close(): Promise<void>;
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const url = new URL(target);
  const { hostname: host, port } = url;
  const sockets = new Set<Socket>();
  let isDown = false;
  let armed: { text: string; onDown: () => void } | undefined;

  const goDown = () => {
    isDown = true;
    for (const socket of sockets) socket.destroy();
  };

  const server = createServer((client) => {
    if (isDown) return client.destroy();
    const upstream = connect(Number(port), host);
    let isWithin = false;
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {}); // It was taken away.
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on("data", (chunk) => {
        if (from === client) isWithin ||= armed !== undefined && chunk.includes(armed.text);
        else if (isWithin && chunk.includes("COMMIT")) {
          armed?.onDown();
          armed = undefined;
          return goDown();
        }
        to.write(chunk);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("no port");
  url.port = String(address.port);
  return {
    url: url.href,
    down: goDown,
    up() {
      isDown = false;
    },
    downAtCommitOf: (text) =>
      new Promise((onDown) => {
        armed = { text, onDown };
      }),
    async close() {
      goDown();
      server.close();
      await once(server, "close");
    },
  };
}
