import { type FileHandle, open } from "node:fs/promises";
import { PreviewError } from "../preview-error.ts";
import { type Demuxer, declaredLength, findDemuxer, skipId3 } from "./recording-type.ts";

/** A recording whose container is known; nothing has been decoded yet. */
export interface Recording {
  readonly path: string;
  readonly sizeBytes: number;
  /** The only ffmpeg demuxer allowed to read it, so that a playlist can never open other files. */
  readonly demuxer: Demuxer;
  /** Length its header promises, where the format has one. */
  readonly declaredSeconds: number | undefined;
  /** Nothing after this is decoded. */
  readonly endSeconds: number | undefined;
}

/** Enough for an ID3 tag's header and FLAC's stream header. */
const HEAD_BYTES = 64;

/**
 * Tells a recording's format by its first bytes and refuses files that stop before the end they announce.
 *
 * @throws PreviewError `empty_audio`, `unsupported_audio`, `audio_truncated` or `audio_undecodable`.
 */
export async function inspectRecording(path: string, endSeconds?: number): Promise<Recording> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw new PreviewError("audio_undecodable", "The recording cannot be opened.", { cause });
  }
  try {
    const { size: sizeBytes } = await file.stat();
    if (sizeBytes === 0) throw new PreviewError("empty_audio", "The recording is an empty file.");
    const readAt = async (position: number, length: number) => {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
      return buffer.subarray(0, bytesRead);
    };
    const start = skipId3(await readAt(0, HEAD_BYTES));
    const head = await readAt(start, HEAD_BYTES);
    // An ID3 tag padded in an unusual way hides the first frame; only MP3 files are like that in practice.
    const demuxer = findDemuxer(head) ?? (start > 0 ? "mp3" : undefined);
    if (demuxer === undefined) {
      throw new PreviewError(
        "unsupported_audio",
        "The recording is not a WAV, MP3, M4A, AAC, OGG or FLAC file.",
      );
    }
    const { bytes, seconds } = await declaredLength(demuxer, head, readAt);
    if (bytes > sizeBytes) {
      throw new PreviewError("audio_truncated", "The recording is incomplete. Upload it again.", {
        detail: `${sizeBytes} of ${bytes} bytes`,
      });
    }
    return { path, sizeBytes, demuxer, declaredSeconds: seconds, endSeconds };
  } catch (error) {
    if (error instanceof PreviewError) throw error;
    throw new PreviewError("audio_undecodable", "The recording cannot be read.", { cause: error });
  } finally {
    await file.close();
  }
}
