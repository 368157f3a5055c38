import {
  type InputLimits,
  LIMITS,
  MEDIA_TYPE_NAMES,
  type MediaKind,
  mediaKind,
} from "@avatar/contract/limits";
import type { Limits } from "@avatar/contract/types";

const contentTypes = (kind: MediaKind) => MEDIA_TYPE_NAMES.filter((type) => mediaKind(type) === kind);

/** What customers are told: the operator's numbers, and those that are the same everywhere. */
export function toLimits(engine: string, input: InputLimits, videoTtlSeconds: number): Limits {
  return {
    engine,
    image: { contentTypes: contentTypes("image"), ...input.image },
    audio: { contentTypes: contentTypes("audio"), ...input.audio },
    video: { minTtlSeconds: LIMITS.videoTtlSeconds.min, maxTtlSeconds: videoTtlSeconds },
    upload: { ttlSeconds: LIMITS.uploadTtlSeconds, partBytes: LIMITS.uploadPartBytes },
    prompt: LIMITS.prompt,
    metadata: LIMITS.metadata,
    wait: LIMITS.wait,
    idempotency: { maxKeyLength: LIMITS.idempotencyKey.maxLength, seconds: LIMITS.idempotencySeconds },
  };
}
