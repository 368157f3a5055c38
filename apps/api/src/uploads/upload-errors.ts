import type { MediaKind } from "@avatar/contract/limits";
import { AppError } from "../errors.ts";

export const uploadNotFound = (id: string) =>
  new AppError("upload_not_found", { detail: `There is no upload ${id}.` });

export const uploadExpired = (id: string) =>
  new AppError("upload_expired", { detail: `The upload ${id} has expired.` });

export function fileTooLarge(kind: MediaKind, maxBytes: number): AppError {
  return new AppError(kind === "image" ? "image_too_large" : "audio_too_large", {
    detail: `The ${kind} file has more than ${maxBytes} bytes.`,
  });
}
