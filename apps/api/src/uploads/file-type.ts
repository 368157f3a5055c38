import { MEDIA_TYPES, type MediaKind, type MediaType, mediaKind } from "@avatar/contract/limits";
import { AppError } from "../errors.ts";
import { SNIFF_BYTES, sniffFormat } from "../media/sniff-format.ts";

/**
 * Reads the type of a file off its first bytes, and gives the stream back whole.
 * @throws AppError `empty_file`, `unsupported_image`, `unsupported_audio`
 */
export async function withSniffedType(
  kind: MediaKind,
  file: AsyncIterable<Uint8Array>,
): Promise<{ contentType: MediaType; body: AsyncIterable<Uint8Array> }> {
  const { head, body } = await peek(file);
  if (head.length === 0) throw new AppError("empty_file", { detail: `The ${kind} file is empty.` });
  const format = sniffFormat(head);
  const contentType = (Object.keys(MEDIA_TYPES) as MediaType[]).find((type) => MEDIA_TYPES[type] === format);
  if (!contentType) throw unsupported(kind);
  if (mediaKind(contentType) !== kind)
    throw new AppError("media_type_mismatch", { detail: `The ${kind} is ${format?.toUpperCase()}.` });
  return { contentType, body };
}

export const unsupported = (kind: MediaKind) =>
  new AppError(kind === "image" ? "unsupported_image" : "unsupported_audio");

/** Reads the first bytes of a stream without taking them from it. */
async function peek(stream: AsyncIterable<Uint8Array>) {
  const iterator = stream[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < SNIFF_BYTES) {
    const next = await iterator.next();
    if (next.done) break;
    chunks.push(next.value);
    bytes += next.value.length;
  }
  async function* body() {
    yield* chunks;
    yield* { [Symbol.asyncIterator]: () => iterator };
  }
  return { head: Buffer.concat(chunks), body: body() };
}
