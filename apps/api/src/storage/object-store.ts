/** What we need of a bucket. Keys are ours (`uploads/<id>`, `videos/<job>/<run>.mp4`), never a customer's text. */
export interface ObjectStore {
  /** Makes ready what it needs on this machine. */
  start(): Promise<void>;
  /**
   * Streams an object in. It is there whole and durable afterwards, or not at all.
   * @throws ObjectTooLarge when `body` has more than `maxBytes`; StorageUnavailable.
   */
  put(key: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject>;
  /** Writes a small object unless there is one, which is answered with false. @throws StorageUnavailable, as all that follow */
  putNew(key: string, content: Uint8Array, contentType: string): Promise<boolean>;
  head(key: string): Promise<ObjectFacts | undefined>;
  /** Bytes `start` up to, not including, `end`; the whole object by default. @throws ObjectNotFound */
  read(key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>>;
  /** Missing objects are fine. @returns the keys of objects that could not be deleted */
  delete(keys: readonly string[]): Promise<string[]>;
  /** A link that downloads the object until `expiresAt`. */
  signGet(key: string, options: SignedGet): Promise<string>;
  /** A link that takes an object until `expiresAt`. */
  signPut(key: string, options: SignedPut): Promise<SignedLink>;
  /** Links that each take a part of an object, of `bytes` each, until `expiresAt`. `joinParts` makes them one object. */
  signParts(key: string, options: SignedParts): Promise<{ token: string; links: SignedLink[] }>;
  /** False while parts are missing. To join twice is the same as once. */
  joinParts(key: string, token: string, partBytes: readonly number[]): Promise<boolean>;
  /** Deletes parts that were not joined. */
  dropParts(key: string, token: string): Promise<void>;
  /** Closes connections. */
  stop(): Promise<void>;
}

export interface ByteRange {
  start: number;
  end: number;
}

export interface PutOptions {
  contentType: string;
  maxBytes?: number;
  signal?: AbortSignal;
}

export interface StoredObject {
  bytes: number;
  /** Hex. */
  sha256: string;
}

export interface ObjectFacts {
  bytes: number;
  etag: string;
  /** Undefined where the store keeps none. */
  contentType?: string | undefined;
}

export interface SignedGet {
  expiresAt: Date;
  contentType: string;
  /** For a download; letters, digits, `_`, `-` and `.` */
  fileName: string;
  /** Of a customer's link: whose it is. What goes through this server is counted against what the owner may do at once. */
  owner?: string;
}

export interface SignedPut {
  contentType: string;
  /** Where given, the body has exactly so many. */
  bytes?: number | undefined;
  /** Hex; where given, other bytes are refused. */
  sha256?: string | undefined;
  /** Takes no second object: 412 where there is one. By `If-None-Match: *`, as RFC 9110 has it. */
  once: boolean;
  expiresAt: Date;
  /** As in `SignedGet`. */
  owner?: string;
}

export interface SignedParts {
  contentType: string;
  bytes: readonly number[];
  expiresAt: Date;
  /** As in `SignedGet`. */
  owner?: string;
}

/** All `headers` must be sent, as they are. */
export interface SignedLink {
  url: string;
  headers: Record<string, string>;
}

export class ObjectNotFound extends Error {
  override readonly name = "ObjectNotFound";
  constructor(key: string) {
    super(`no object ${key}`);
  }
}

export class ObjectTooLarge extends Error {
  override readonly name = "ObjectTooLarge";
  readonly maxBytes: number;
  constructor(maxBytes: number) {
    super(`the object has more than ${maxBytes} bytes`);
    this.maxBytes = maxBytes;
  }
}

/** The store did not do what it was asked to; it may later. */
export class StorageUnavailable extends Error {
  override readonly name = "StorageUnavailable";
  /** What the store or the system calls it, for example `AccessDenied` or `ECONNREFUSED`. */
  readonly reason: string | undefined;
  constructor(message: string, { reason, ...options }: ErrorOptions & { reason?: string } = {}) {
    super(message, options);
    this.reason = reason;
  }
}

/** Keys are ours, so a bad one is a mistake of ours; but it must never name anything outside of the store. */
export function checkKey(key: string): string {
  if (!/^[a-z]+(\/[A-Za-z0-9_.-]+)+$/.test(key) || /\/\.\.?(\/|$)/.test(key))
    throw new Error(`bad key ${key}`);
  return key;
}
