import { randomBytes } from "node:crypto";
import { openAsBlob } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AvatarError, type StreamOptions, type Video } from "./index.ts";

/**
 * A file on disk. It is opened when it is needed and read piece by piece, so its size does not matter for memory.
 *
 * @example
 * const video = await avatar.generate({ image: file("portrait.png"), audio: file("speech.mp3") });
 */
export function file(path: string | URL): () => Promise<Blob> {
  return async () => {
    // By text: Node 20 does not take a URL for `openAsBlob`.
    const source = toText(path);
    const found = await stat(source).catch((cause: unknown) => notAFile(source, cause));
    if (!found.isFile()) notAFile(source);
    return openAsBlob(source);
  };
}

function toText(path: string | URL): string {
  if (path instanceof URL && path.protocol === "file:") return fileURLToPath(path);
  if (typeof path === "string") return path;
  throw new AvatarError({ code: "invalid_input", detail: "A path must be a text or a file URL." });
}

function notAFile(path: string, cause?: unknown): never {
  throw new AvatarError({ code: "file_not_found", detail: `There is no readable file ${path}.`, cause });
}

/**
 * A video on disk.
 *
 * @example
 * const { path, bytes }: SavedVideo = await saveTo(video, "talking.mp4");
 */
export interface SavedVideo {
  path: string;
  bytes: number;
}

type Download = Pick<Video, "stream">;

const MAX_DOWNLOADS = 3;

/**
 * Downloads a video. The file appears under its name once it is complete and its SHA-256 is right, never before.
 * A path that cannot be written rejects with Node's own error.
 *
 * @example
 * await saveTo(video, "talking.mp4");
 */
export async function saveTo(
  video: Download,
  path: string | URL,
  options: StreamOptions = {},
): Promise<SavedVideo> {
  const target = toText(path);
  if (typeof video?.stream !== "function")
    throw new AvatarError({ code: "invalid_input", detail: "There is no video to save." });
  // To rename a file to that of a device, such as /dev/null, would take its place.
  const found = await stat(target).catch(() => undefined);
  if (found && !found.isFile())
    throw new AvatarError({ code: "invalid_input", detail: `${target} is there already, and no file.` });
  // A name of its own, so that two programs that save to one path do not write into one file.
  const part = `${target}.${randomBytes(4).toString("hex")}.part`;
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const bytes = await download(video, part, options);
        await rename(part, target);
        return { path: target, bytes };
      } catch (error) {
        // The stream has outlasted broken connections; of wrong bytes all have to be fetched again.
        if (!AvatarError.is(error, "download_mismatch") || attempt === MAX_DOWNLOADS) throw error;
      }
    }
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function download(video: Download, path: string, options: StreamOptions): Promise<number> {
  let bytes = 0;
  const out = await open(path, "w");
  try {
    for await (const piece of video.stream(options)) {
      bytes += piece.byteLength;
      await out.writeFile(piece);
    }
  } finally {
    await out.close();
  }
  return bytes;
}
