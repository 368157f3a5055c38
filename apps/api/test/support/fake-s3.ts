import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bucket, type StoredObject } from "./fake-s3/bucket.ts";
import { createFaults, type Fault, type Faults } from "./fake-s3/faults.ts";
import { createResponder, type LoggedRequest } from "./fake-s3/responder.ts";

export type { Fault, Faults, LoggedRequest, StoredObject };

interface Options {
  now?: () => Date;
  /** The time by which links expire; by default `now`. */
  linksNow?: () => Date;
  accessKeyId?: string;
  secretAccessKey?: string;
  bucket?: string;
  /** Where it makes a folder for the bodies, which `stop` removes. */
  directory?: string;
}

/** A server that speaks S3 as R2 does, with one bucket, and that checks what it is sent. */
export interface FakeS3 {
  endpoint: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** What is in the bucket now, by key. */
  objects: Map<string, StoredObject>;
  /** In parts, and not completed. */
  uploads: ReadonlyMap<string, unknown>;
  /** In the order in which they came. */
  requests: LoggedRequest[];
  faults: Faults;
  /** Headers that it takes no notice of, though it checks their signature, as some other servers do. */
  ignores: Set<string>;
  /** Nobody listens at the port any more, and every connection is cut. */
  down(): Promise<void>;
  /** At the same port as before. */
  up(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFakeS3(options: Options = {}): Promise<FakeS3> {
  const now = options.now ?? (() => new Date());
  const accessKeyId = options.accessKeyId ?? "fake-key-id";
  const secretAccessKey = options.secretAccessKey ?? randomBytes(32).toString("hex");
  const directory = await mkdtemp(join(options.directory ?? tmpdir(), "fake-s3-"));
  const bucket = new Bucket({ name: options.bucket ?? "avatar", now, directory });
  const faults = createFaults();
  const requests: LoggedRequest[] = [];
  const ignores = new Set<string>();

  const account = { accessKeyId, secretAccessKey, now, linksNow: options.linksNow ?? now };
  const respond = createResponder({ bucket, account, faults, requests, ignores });

  const working = new Set<Promise<void>>();
  const unexpected: unknown[] = [];
  function handle(message: IncomingMessage, response: ServerResponse): void {
    // Whoever cut the connection needs no answer; a mistake of this server's own must not look like one of S3's.
    const handled = respond(message, response).catch((error: unknown) => {
      if (!message.socket.destroyed) message.socket.destroy();
      if (!message.errored && !response.errored && !isLost(error)) unexpected.push(error);
    });
    working.add(handled);
    void handled.finally(() => working.delete(handled));
  }

  const server = createServer({ keepAliveTimeout: 60_000 }, handle).on("checkContinue", handle);
  let port = 0;
  async function up(): Promise<void> {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address === "object" && address) port = address.port;
  }
  async function down(): Promise<void> {
    if (!server.listening) return;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
    await Promise.all(working);
  }

  await up();
  return {
    endpoint: `http://127.0.0.1:${port}`,
    bucket: bucket.name,
    accessKeyId,
    secretAccessKey,
    objects: bucket.objects,
    uploads: bucket.uploads,
    requests,
    faults,
    ignores,
    down,
    up,
    async stop() {
      await down();
      await rm(directory, { recursive: true, force: true });
      if (unexpected.length > 0) throw new AggregateError(unexpected, "the fake S3 failed");
    },
  };
}

const isLost = (error: unknown) =>
  error instanceof Error && "code" in error && /^(ECONNRESET|EPIPE|ERR_STREAM_)/.test(String(error.code));
