import { createHash, randomBytes } from "node:crypto";
import { openAsBlob } from "node:fs";
import { open, rename, rm, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AvatarError, ConnectionError, type StreamOptions, type Video } from "./index.ts";

/**
 * A file on disk. It is opened when it is needed and read piece by piece, so its size does not matter for memory.
 *
 * @example
 * const video = await avatar.generate({ image: file("portrait.png"), audio: file("speech.mp3") });
 */
export function file(path: string | URL): () => Promise<Blob> {
  return async () => {
    const found = await stat(path).catch((cause: unknown) => notAFile(path, cause));
    if (!found.isFile()) notAFile(path);
    // By text: Node 20 does not take a URL here.
    return openAsBlob(path instanceof URL ? fileURLToPath(path) : path);
  };
}

function notAFile(path: string | URL, cause?: unknown): never {
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

type Download = Pick<Video, "jobId" | "sha256" | "stream">;

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
  const target = path instanceof URL ? fileURLToPath(path) : path;
  // A name of its own, so that two programs that save to one path do not write into one file.
  const part = `${target}.${randomBytes(4).toString("hex")}.part`;
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        const bytes = await download(video, part, options);
        await rename(part, target);
        return { path: target, bytes };
      } catch (error) {
        if (!AvatarError.is(error) || !error.retryable || attempt === MAX_DOWNLOADS) throw error;
      }
    }
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

async function download(video: Download, path: string, options: StreamOptions): Promise<number> {
  const hash = createHash("sha256");
  let bytes = 0;
  const out = await open(path, "w");
  try {
    for await (const chunk of video.stream(options)) {
      hash.update(chunk);
      bytes += chunk.byteLength;
      await out.writeFile(chunk);
    }
  } finally {
    await out.close();
  }
  if (hash.digest("hex") === video.sha256) return bytes;
  const detail = "The video did not arrive as it was sent: its SHA-256 differs.";
  throw new ConnectionError({ code: "download_mismatch", detail, retryable: true, jobId: video.jobId });
}
