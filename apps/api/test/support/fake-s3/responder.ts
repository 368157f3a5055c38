import { randomBytes } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Answer, discard, errorAnswer, sendAnswer, sendHalf } from "./answer.ts";
import type { Bucket } from "./bucket.ts";
import { answerPreflight, corsHeaders } from "./cors.ts";
import { S3Error } from "./errors.ts";
import type { createFaults, Fault } from "./faults.ts";
import { findOperation, runOperation } from "./operations.ts";
import { type Account, verifySignature } from "./sigv4.ts";
import { readRequest, type S3Request } from "./wire.ts";

export interface LoggedRequest {
  method: string;
  /** Decoded, without its query. */
  path: string;
  operation: string;
  /** None until it is answered; for good where it never is. */
  status: number | undefined;
}

interface Deps {
  bucket: Bucket;
  account: Account;
  faults: ReturnType<typeof createFaults>;
  requests: LoggedRequest[];
  ignores: ReadonlySet<string>;
}

/** Takes one request from its first line to the end of its answer, with what goes wrong on the way. */
export function createResponder({ bucket, account, faults, requests, ignores }: Deps) {
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
      if (fault === "hang") return await untilClosed(message);
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
    const payloadHash = verifySignature(request, account);
    const deletionError = (key: string) =>
      typeof fault === "object" && "keys" in fault && fault.keys(key) ? fault.code : undefined;
    const heeded = { ...request, headers: without(request.headers), amz: without(request.amz), payloadHash };
    return runOperation(operation, bucket, heeded, deletionError);
  }

  const without = (headers: ReadonlyMap<string, string>) =>
    new Map([...headers].filter(([name]) => !ignores.has(name)));

  return respond;
}

async function untilClosed({ socket }: IncomingMessage): Promise<void> {
  if (!socket.destroyed) await once(socket, "close");
}
