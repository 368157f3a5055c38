import { type MediaType, parseMediaType } from "@avatar/contract/limits";
import { JobSettings } from "@avatar/contract/schemas";
import { Busboy, type BusboyFileStream } from "@fastify/busboy";
import type { FastifyRequest } from "fastify";
import type { Caller } from "../api-keys/caller.ts";
import { AppError } from "../errors.ts";
import { unsupported } from "../uploads/file-type.ts";
import type { UploadRow } from "../uploads/upload-repository.ts";
import type { UploadService } from "../uploads/upload-service.ts";
import { textConverters } from "./text-fields.ts";

/** A form, as the JSON input that it stands for. */
export interface ReceivedForm {
  input: Record<string, unknown>;
  /** The uploads that `input` names. */
  received: readonly UploadRow[];
  /** Removes the files, for a job that is not made. */
  discard(): Promise<void>;
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
  maxBytes: number,
): Promise<ReceivedForm> {
  const length = Number(request.headers["content-length"]);
  if (length > maxBytes)
    throw new AppError("body_too_large", {
      detail: `The form has ${length} bytes; at most ${maxBytes} are taken.`,
    });
  const input: Record<string, unknown> = {};
  const stored = new Map<FileName, UploadRow>();
  const receiving: Promise<void>[] = [];
  const discard = async () => {
    await Promise.all([...stored.values()].map(({ id }) => uploads.discard(id)));
  };

  async function receive(name: FileName, file: BusboyFileStream, declared: string): Promise<void> {
    const upload = await uploads.receive(caller, name, declaredType(name, declared), file);
    stored.set(name, upload);
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
        const received = receive(name, file, declared);
        received.catch(refuse); // The rest of the form need not come. Its failure may also come after that.
        receiving.push(received);
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
    return { input, received: [...stored.values()], discard };
  } catch (error) {
    await Promise.allSettled(receiving);
    await discard();
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

/** The type of a file as the form has it; undefined where it does not say (curl sends octet-stream). */
function declaredType(name: FileName, declared: string): MediaType | undefined {
  const type = parseMediaType(declared);
  if (!type && declared !== "application/octet-stream" && declared !== "text/plain" && declared !== "")
    throw unsupported(name);
  return type;
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
