import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, discard, errorAnswer, sendAnswer, sendHalf } from "./fake-s3/answer.ts";
import { Bucket, type StoredObject } from "./fake-s3/bucket.ts";
import { answerPreflight, corsHeaders } from "./fake-s3/cors.ts";
import { S3Error } from "./fake-s3/errors.ts";
import { createFaults, type Fault, type Faults } from "./fake-s3/faults.ts";
import { findOperation, runOperation } from "./fake-s3/operations.ts";
import { verifySignature } from "./fake-s3/sigv4.ts";
import { readRequest, type S3Request } from "./fake-s3/wire.ts";

export type { Fault, Faults, StoredObject };

interface Options {
  now?: () => Date;
  accessKeyId?: string;
  secretAccessKey?: string;
  bucket?: string;
  /** Where it makes a folder for the bodies, which `stop` removes. */
  directory?: string;
}

export interface LoggedRequest {
  method: string;
  /** Decoded, without its query. */
  path: string;
  operation: string;
  /** None until it is answered; for good where it never is. */
  status: number | undefined;
}

/** A server that speaks S3 as R2 does, with one bucket, and that checks what it is sent. */
export interface FakeS3 {
  endpoint: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** What is in the bucket now, by key. */
  objects: Map<string, StoredObject>;
  /** In the order in which they came. */
  requests: LoggedRequest[];
  faults: Faults;
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

  async function respond(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const id = randomBytes(8).toString("hex").toUpperCase();
    response.setHeader("x-amz-request-id", id);
    const logged: LoggedRequest = {
      method: message.method ?? "",
      path: message.url?.split("?")[0] ?? "",
      operation: "Unknown",
      status: undefined,
    };
    requests.push(logged);
    response.once("finish", () => {
      logged.status = response.statusCode;
    });
    let fault: Fault | undefined;
    let answer: Answer;
    try {
      const request = readRequest(message, response);
      const operation = findOperation(request);
      logged.path = request.path;
      logged.operation = request.method === "OPTIONS" ? "Preflight" : (operation?.name ?? "Unknown");
      for (const [name, value] of Object.entries(corsHeaders(bucket.corsRules, request)))
        response.setHeader(name, value);
      fault = faults.take({ operation: logged.operation, method: logged.method, key: request.key });
      if (fault === "reset") return void message.socket.resetAndDestroy();
      if (fault === "hang") return void (message.socket.destroyed || (await once(message.socket, "close")));
      answer = await work(request, operation, fault);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      answer = errorAnswer(error, { path: logged.path, id });
    }
    if (fault === "reset after") {
      discard(answer);
      message.socket.resetAndDestroy();
    } else if (fault === "truncate") await sendHalf(response, answer, message.socket);
    else await sendAnswer(response, answer);
  }

  async function work(
    request: S3Request,
    operation: ReturnType<typeof findOperation>,
    fault: Fault | undefined,
  ): Promise<Answer> {
    if (typeof fault === "object" && "status" in fault)
      throw new S3Error(fault.status, fault.code, fault.message ?? "Please try again.");
    if (request.method === "OPTIONS") return answerPreflight(bucket.corsRules, request);
    const payloadHash = verifySignature(request, { accessKeyId, secretAccessKey, now });
    const deletionError = (key: string) =>
      typeof fault === "object" && "keys" in fault && fault.keys(key) ? fault.code : undefined;
    return runOperation(operation, bucket, { ...request, payloadHash }, deletionError);
  }

  const working = new Set<Promise<void>>();
  function handle(message: IncomingMessage, response: ServerResponse): void {
    // Whoever cut the connection needs no answer; a mistake of this server's own must not look like one of S3's.
    const handled = respond(message, response).catch((error: unknown) => {
      if (!message.socket.destroyed) message.socket.destroy();
      if (!message.errored && !response.errored && !isLost(error)) unexpected.push(error);
    });
    working.add(handled);
    void handled.finally(() => working.delete(handled));
  }
  const unexpected: unknown[] = [];

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
    requests,
    faults,
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
