import { MEDIA_TYPES, type MediaType, parseMediaType } from "@avatar/contract/limits";
import { JobSettings } from "@avatar/contract/schemas";
import { Busboy, type BusboyFileStream } from "@fastify/busboy";
import type { FastifyRequest } from "fastify";
import type { Caller } from "../api-keys/api-key-service.ts";
import { AppError } from "../errors.ts";
import { SNIFF_BYTES, sniffFormat } from "../media/sniff-format.ts";
import type { UploadService } from "../uploads/upload-service.ts";
import { textConverters } from "./text-fields.ts";

/** A form, as the JSON input that it stands for. */
export interface ReceivedForm {
  input: Record<string, unknown>;
  /** Removes the files that `used` does not name. */
  discardUnless(used: readonly string[]): Promise<void>;
}

const FILES = ["image", "audio"] as const;
type FileName = (typeof FILES)[number];
const isFileName = (name: string): name is FileName => name === "image" || name === "audio";

const convert = textConverters(JobSettings.shape);
const BUSBOY_LIMITS = { fields: 20, fieldSize: 32 * 1024, files: FILES.length, parts: 30, headerPairs: 20 };

/**
 * Streams the two files of a form into uploads and collects its other fields. Whatever goes wrong, nothing stays behind.
 * @throws AppError
 */
export async function receiveForm(
  request: FastifyRequest,
  caller: Caller,
  uploads: UploadService,
): Promise<ReceivedForm> {
  const input: Record<string, unknown> = {};
  const stored = new Map<FileName, string>();
  const receiving: Promise<void>[] = [];
  const discardUnless = async (used: readonly string[]) => {
    const unused = [...stored.values()].filter((id) => !used.includes(id));
    await Promise.all(unused.map((id) => uploads.discard(id)));
  };

  async function receive(name: FileName, file: BusboyFileStream, declared: string): Promise<void> {
    const { contentType, body } = await withMediaType(name, file, declared);
    const upload = await uploads.receive(caller, contentType, body);
    stored.set(name, upload.id);
    input[name] = upload.id;
  }

  try {
    await new Promise<void>((resolve, reject) => {
      const parser = openParser(request);
      const seen = new Set<string>();
      const files: BusboyFileStream[] = [];
      const refuse = (error: Error) => {
        request.raw.unpipe(parser);
        parser.destroy();
        // The parser leaves the files that it has begun open for ever.
        for (const file of files) file.destroy(error);
        reject(error);
      };
      const isRepeated = (name: string) => seen.size === seen.add(name).size;

      parser.on("file", (name, file, _fileName, _encoding, declared) => {
        files.push(file.on("error", () => {})); // Whoever reads it sees the error, too.
        if (!isFileName(name)) return refuse(unknownPart(name));
        if (isRepeated(name)) return refuse(repeatedPart(name));
        receiving.push(receive(name, file, declared).catch(refuse));
      });
      parser.on("field", (name, text, nameTruncated, valueTruncated) => {
        if (nameTruncated || valueTruncated) return refuse(malformed("A form field is too long."));
        if (isFileName(name)) return refuse(notAFile(name));
        const toValue = Object.hasOwn(convert, name) ? convert[name] : undefined;
        if (!toValue) return refuse(unknownPart(name));
        if (isRepeated(name)) return refuse(repeatedPart(name));
        input[name] = toValue(text);
      });
      for (const limit of ["partsLimit", "filesLimit", "fieldsLimit"] as const)
        parser.on(limit, () => refuse(malformed("The form has too many parts.")));
      parser.on("error", (error) =>
        refuse(malformed("The form ends too early or its parts are broken.", error)),
      );
      parser.on("finish", () => resolve());
      request.raw.on("aborted", () => refuse(malformed("The connection was closed within the form.")));
      request.raw.pipe(parser);
    });
    await Promise.all(receiving);
    const missing = FILES.filter((name) => !stored.has(name));
    if (missing.length > 0)
      throw new AppError("missing_part", {
        detail: `The form lacks the file ${missing.join(" and the file ")}.`,
      });
    return { input, discardUnless };
  } catch (error) {
    await Promise.allSettled(receiving);
    await discardUnless([]);
    throw error;
  }
}

function openParser(request: FastifyRequest): InstanceType<typeof Busboy> {
  const contentType = request.headers["content-type"] ?? "";
  try {
    return new Busboy({ headers: { "content-type": contentType }, limits: BUSBOY_LIMITS });
  } catch (cause) {
    throw malformed("The Content-Type lacks the boundary of the form.", cause);
  }
}

/** The type of a file: as declared, or from its first bytes where the form does not say (curl sends octet-stream). */
async function withMediaType(
  name: FileName,
  file: AsyncIterable<Uint8Array>,
  declared: string,
): Promise<{ contentType: MediaType; body: AsyncIterable<Uint8Array> }> {
  const type = parseMediaType(declared);
  if (type) return { contentType: type, body: file };
  const unsupported = () => new AppError(name === "image" ? "unsupported_image" : "unsupported_audio");
  if (declared !== "application/octet-stream" && declared !== "text/plain" && declared !== "")
    throw unsupported();
  const { head, body } = await peek(file);
  if (head.length === 0) throw new AppError("empty_file", { detail: `The file ${name} is empty.` });
  const format = sniffFormat(head);
  const sniffed = (Object.keys(MEDIA_TYPES) as MediaType[]).find(
    (candidate) => MEDIA_TYPES[candidate] === format,
  );
  if (!sniffed) throw unsupported();
  return { contentType: sniffed, body };
}

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

const malformed = (detail: string, cause?: unknown) => new AppError("malformed_multipart", { detail, cause });

const unknownPart = (name: string) =>
  new AppError("unknown_field", {
    detail: `The form has a part ${name.slice(0, 100)}, which does not exist.`,
    issues: [{ path: name.slice(0, 100), message: "There is no such field" }],
  });

const repeatedPart = (name: string) =>
  new AppError("invalid_input", {
    detail: `The form has more than one ${name}.`,
    issues: [{ path: name, message: "given more than once" }],
  });

const notAFile = (name: FileName) =>
  new AppError("invalid_input", {
    detail: `The part ${name} is text, not a file.`,
    issues: [{ path: name, message: "expected a file with a file name" }],
  });
