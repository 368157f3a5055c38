import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BodyFile } from "./bodies.ts";
import { type CorsRule, parseCorsRules } from "./cors.ts";
import { noSuchKey, notImplemented, preconditionFailed, S3Error } from "./errors.ts";
import type { S3Request } from "./wire.ts";

export interface StoredObject {
  bytes: number;
  /** In hex. */
  sha256: string;
  contentType: string;
  /** With its quotes. */
  etag: string;
  createdAt: Date;
  /** What is sent with it: its type, how it is cached, its metadata. */
  headers: Readonly<Record<string, string>>;
  path: string;
  read(): Promise<Buffer>;
}

export interface Part {
  file: BodyFile;
  etag: string;
  createdAt: Date;
}

export interface MultipartUpload {
  id: string;
  key: string;
  headers: Record<string, string>;
  createdAt: Date;
  parts: Map<number, Part>;
}

/** What a bucket holds. Bodies are files in `directory`; each write has a file of its own. */
export class Bucket {
  readonly name: string;
  readonly now: () => Date;
  readonly objects = new Map<string, StoredObject>();
  readonly uploads = new Map<string, MultipartUpload>();
  corsRules: readonly CorsRule[] = [];
  /** Documents as they were put: `cors` and `lifecycle`. */
  readonly settings = new Map<string, string>();
  readonly #directory: string;

  constructor(options: { name: string; now: () => Date; directory: string }) {
    this.name = options.name;
    this.now = options.now;
    this.#directory = options.directory;
  }

  newPath(): string {
    return join(this.#directory, randomUUID());
  }

  get(key: string): StoredObject {
    const object = this.objects.get(key);
    if (!object) throw noSuchKey();
    return object;
  }

  /** Decides and stores in one turn, so that of many conditional writes one wins. */
  put(request: S3Request, file: BodyFile, etag: string, headers: Record<string, string>): StoredObject {
    try {
      this.checkMayPut(request);
    } catch (error) {
      removeFile(file);
      throw error;
    }
    const object: StoredObject = {
      bytes: file.bytes,
      sha256: file.sha256.toString("hex"),
      contentType: headers["content-type"] ?? "",
      etag,
      createdAt: this.now(),
      headers,
      path: file.path,
      read: () => readFile(file.path),
    };
    this.delete(request.key);
    this.objects.set(request.key, object);
    return object;
  }

  checkMayPut({ key, headers }: S3Request): void {
    const [ifMatch, ifNoneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
    if (ifNoneMatch !== undefined && ifNoneMatch !== "*")
      throw notImplemented("A header you provided implies functionality that is not implemented");
    if (ifNoneMatch !== undefined && this.objects.has(key)) throw preconditionFailed();
    if (ifMatch !== undefined && !matchesEtag(ifMatch, this.get(key).etag)) throw preconditionFailed();
  }

  delete(key: string): void {
    const object = this.objects.get(key);
    this.objects.delete(key);
    if (object) removeFile(object);
  }

  upload({ key, query }: S3Request): MultipartUpload {
    const upload = this.uploads.get(query.get("uploadId") ?? "");
    if (upload?.key === key) return upload;
    throw new S3Error(404, "NoSuchUpload", "The specified multipart upload does not exist.");
  }

  dropUpload({ id, parts }: MultipartUpload): void {
    this.uploads.delete(id);
    for (const { file } of parts.values()) removeFile(file);
  }

  putCors(document: string): void {
    this.corsRules = parseCorsRules(document);
    this.settings.set("cors", document);
  }

  deleteCors(): void {
    this.corsRules = [];
    this.settings.delete("cors");
  }
}

/** At once, so that no reader finds the object without its file. Open readers keep theirs. */
export const removeFile = ({ path }: { path: string }): void => rmSync(path, { force: true });

/** @param condition of If-Match or If-None-Match: `*` or a list. */
export const matchesEtag = (condition: string, etag: string): boolean =>
  condition.split(",").some((each) => ["*", etag, etag.replaceAll('"', "")].includes(each.trim()));
