/** What we need of a bucket. Keys are ours (`uploads/<id>`, `videos/<job>/<run>.mp4`), never a customer's text. */
export interface ObjectStore {
  /**
   * Streams an object in. It is there whole and durable afterwards, or not at all.
   * @throws ObjectTooLarge when `body` has more than `maxBytes`.
   */
  put(key: string, body: AsyncIterable<Uint8Array>, options: PutOptions): Promise<StoredObject>;
  head(key: string): Promise<{ bytes: number } | undefined>;
  /** Bytes `start` up to, not including, `end`; the whole object by default. @throws ObjectNotFound */
  read(key: string, range?: { start: number; end: number }): Promise<AsyncIterable<Uint8Array>>;
  /** Missing objects are fine. */
  delete(keys: readonly string[]): Promise<void>;
  /** A link that downloads the object until `expiresAt`. */
  signGet(key: string, options: { expiresAt: Date; contentType: string; fileName: string }): Promise<string>;
  /** A link that takes exactly the declared bytes until `expiresAt`. */
  signPut(key: string, options: SignedPut): Promise<{ url: string; headers: Record<string, string> }>;
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

export interface SignedPut {
  contentType: string;
  bytes: number;
  /** Hex; where given, other bytes are refused. */
  sha256?: string | undefined;
  expiresAt: Date;
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
