import type { CreateJobInput } from "@avatar/contract/types";
import type { Caller } from "../api-keys/caller.ts";
import { AppError } from "../errors.ts";

/** What schemas cannot know. @returns how long the video is kept. @throws AppError */
export function checkSettings(
  { mode }: Caller,
  { test, ttlSeconds }: Pick<CreateJobInput, "test" | "ttlSeconds">,
  videoTtlSeconds: number,
): number {
  if (test && mode !== "test") throw new AppError("test_key_required");
  if (ttlSeconds === undefined || ttlSeconds <= videoTtlSeconds) return ttlSeconds ?? videoTtlSeconds;
  throw new AppError("invalid_input", {
    detail: `ttlSeconds: videos are kept for ${videoTtlSeconds} s at most.`,
    issues: [{ path: "ttlSeconds", message: `expected at most ${videoTtlSeconds}` }],
  });
}
