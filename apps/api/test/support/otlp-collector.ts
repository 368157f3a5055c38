import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";

export interface ReceivedSpan {
  service: string;
  traceId: string;
  spanId: string;
  /** Empty where it is the first. */
  parentId: string;
  name: string;
  startMs: number;
  endMs: number;
  attributes: Record<string, string | number>;
}

export interface OtlpCollector {
  endpoint: string;
  spans: ReceivedSpan[];
  /** Headers of what came. */
  headers: NodeJS.Dict<string | string[]>[];
}

/** Receives traces as every collector does, over OTLP/HTTP in protobuf. It ends with the test. */
export async function startOtlpCollector(status = 200): Promise<OtlpCollector> {
  const spans: ReceivedSpan[] = [];
  const headers: OtlpCollector["headers"] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    headers.push({ ...request.headers, url: request.url });
    spans.push(...readSpans(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body));
    response.writeHead(status, { "content-type": "application/x-protobuf" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, spans, headers };
}

/** https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto */
function readSpans(request: Uint8Array): ReceivedSpan[] {
  return messages(request, 1).flatMap((resourceSpans) => {
    const [resource] = messages(resourceSpans, 1);
    const service = String(resource ? readAttributes(resource, 1)["service.name"] : "");
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => ({
        service,
        traceId: hex(messages(span, 1)[0]),
        spanId: hex(messages(span, 2)[0]),
        parentId: hex(messages(span, 4)[0]),
        name: text(messages(span, 5)[0]),
        startMs: numberAt(span, 7) / 1e6,
        endMs: numberAt(span, 8) / 1e6,
        attributes: readAttributes(span, 9),
      }));
  });
}

const readAttributes = (message: Uint8Array, field: number) =>
  Object.fromEntries(
    messages(message, field).map((pair) => {
      const [value = new Uint8Array()] = messages(pair, 2);
      const [word] = messages(value, 1);
      return [text(messages(pair, 1)[0]), word ? text(word) : (fields(value)[0]?.number ?? "")];
    }),
  );

const hex = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString("hex");
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString();
const messages = (message: Uint8Array, field: number) =>
  fields(message).flatMap((each) => (each.field === field && each.bytes ? [each.bytes] : []));
const numberAt = (message: Uint8Array, field: number) =>
  fields(message).find((each) => each.field === field)?.number ?? 0;

interface Field {
  field: number;
  bytes?: Uint8Array;
  number?: number;
}

/** https://protobuf.dev/programming-guides/encoding/ */
function fields(message: Uint8Array): Field[] {
  const view = Buffer.from(message);
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = view[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < view.length) {
    const tag = varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        found.push({ field, number: varint() });
        break;
      case 1:
        found.push({ field, number: Number(view.readBigUInt64LE(at)) });
        at += 8;
        break;
      case 2: {
        const length = varint();
        found.push({ field, bytes: view.subarray(at, at + length) });
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new Error(`no wire type ${tag % 8}`);
    }
  }
  return found;
}
