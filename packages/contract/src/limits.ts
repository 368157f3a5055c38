/** What a deployment accepts as input. `LIMITS` has the defaults. */
export interface InputLimits {
  image: {
    maxBytes: number;
    /** Width x height, read from the header before anything is decoded. */
    maxPixels: number;
    /** Of the shorter side. */
    minSidePixels: number;
  };
  audio: {
    maxBytes: number;
    minSeconds: number;
    maxSeconds: number;
  };
}

/** Limits and defaults that customers can see. Bytes are bytes, times are seconds unless the name says otherwise. */
export const LIMITS = {
  image: { maxBytes: 20 * 1024 * 1024, maxPixels: 50_000_000, minSidePixels: 128 },
  audio: { maxBytes: 100 * 1024 * 1024, minSeconds: 0.5, maxSeconds: 600 },
  prompt: { maxLength: 2000 },
  metadata: { maxKeys: 20, maxKeyLength: 40, maxValueLength: 500 },
  /** Long-poll: how long `GET /v1/jobs/{id}?wait=` may hold the answer. */
  wait: { maxSeconds: 30 },
  list: { defaultLimit: 20, maxLimit: 100 },
  /** How long a finished video is kept. A job may ask for less; an operator may set another default. */
  videoTtlSeconds: { min: 60, default: 6 * 3600, max: 7 * 24 * 3600 },
  /** An upload is deleted after this time once no unfinished job needs it. */
  uploadTtlSeconds: 3600,
  /** Of an upload in parts, all but the last have this size. */
  uploadPartBytes: 16 * 1024 * 1024,
  /** Of the URL of an image or a recording. */
  url: { maxLength: 4096 },
  /** Within this time the same `Idempotency-Key` means the same job. */
  idempotencySeconds: 24 * 3600,
  /** Visible ASCII characters. */
  idempotencyKey: { maxLength: 255, pattern: "^[!-~]+$" },
  jsonBodyBytes: 64 * 1024,
  /** Of a scripted outcome. */
  testSeconds: { max: 600 },
  usage: { firstDay: "2000-01-01", maxDays: 366, maxRows: 10_000 },
  /** Of a key that another one made for a browser. */
  childKeyTtlSeconds: { min: 60, default: 900, max: 3600 },
  /** How long a key that was rotated works as well. */
  keyOverlapSeconds: { default: 24 * 3600, max: 7 * 24 * 3600 },
} as const satisfies InputLimits & Record<string, unknown>;

/** Content types that an upload may declare, each with the format its bytes must have. */
export const MEDIA_TYPES = {
  "image/jpeg": "jpeg",
  "image/png": "png",
  "image/webp": "webp",
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/vnd.wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
  "audio/mp4": "m4a",
  "audio/x-m4a": "m4a",
  "audio/m4a": "m4a",
  "audio/aac": "aac",
  "audio/ogg": "ogg",
  "audio/opus": "ogg",
  "audio/flac": "flac",
  "audio/x-flac": "flac",
} as const;

export type MediaType = keyof typeof MEDIA_TYPES;
export type MediaFormat = (typeof MEDIA_TYPES)[MediaType];
export type MediaKind = "image" | "audio";

export const MEDIA_TYPE_NAMES = Object.keys(MEDIA_TYPES) as [MediaType, ...MediaType[]];

/** `image/png; charset=x` and `IMAGE/PNG` are `image/png`; anything else that is not listed is undefined. */
export function parseMediaType(contentType: string): MediaType | undefined {
  const name = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return Object.hasOwn(MEDIA_TYPES, name) ? (name as MediaType) : undefined;
}

export const mediaKind = (type: MediaType): MediaKind => (type.startsWith("image/") ? "image" : "audio");
