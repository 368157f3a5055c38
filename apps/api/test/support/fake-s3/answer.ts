import { closeSync, createReadStream } from "node:fs";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { S3Error } from "./errors.ts";
import { writeXml } from "./xml.ts";

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | FilePart;
}

/** Part of an open file, `to` not included. Whoever sends it closes it. */
export interface FilePart {
  descriptor: number;
  from: number;
  to: number;
}

export const xmlAnswer = (document: Parameters<typeof writeXml>[0]): Answer => ({
  status: 200,
  headers: { "content-type": "application/xml" },
  body: writeXml(document),
});

export function errorAnswer(error: S3Error, request: { path: string; id: string }): Answer {
  const { status, code, message } = error;
  const document = { Error: { Code: code, Message: message, Resource: request.path, RequestId: request.id } };
  const body = status === 304 ? "" : writeXml(document);
  return { status, headers: { "content-type": "application/xml", ...error.headers }, body };
}

export async function sendAnswer(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  if (typeof body === "object") {
    response.writeHead(status, { ...headers, "content-length": body.to - body.from });
    return pipeline(fileStream(body), response);
  }
  const length = body === undefined || status === 304 ? {} : { "content-length": Buffer.byteLength(body) };
  response.writeHead(status, { ...headers, ...length });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

/** As if the connection were lost in the middle: the length of all is announced, and half of it sent. */
export async function sendHalf(response: ServerResponse, answer: Answer, socket: Socket): Promise<void> {
  const { body } = answer;
  if (typeof body !== "object") return void socket.resetAndDestroy();
  response.writeHead(answer.status, { ...answer.headers, "content-length": body.to - body.from });
  const half = { ...body, to: body.from + Math.floor((body.to - body.from) / 2) };
  await pipeline(fileStream(half), response, { end: false });
  socket.destroySoon();
}

/** Of an answer that is not sent. */
export function discard({ body }: Answer): void {
  if (typeof body === "object") closeSync(body.descriptor);
}

function fileStream({ descriptor: fd, from, to }: FilePart): Readable {
  if (from < to) return createReadStream("", { fd, start: from, end: to - 1 });
  closeSync(fd);
  return Readable.from([]);
}
