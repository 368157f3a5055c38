import type { AbortSources } from "../abort.ts";
import type { Recording } from "../audio/recording.ts";

export type EncoderName = "ffmpeg" | "wasm";

export interface VideoJob {
  readonly recording: Recording;
  readonly outputPath: string;
  readonly width: number;
  readonly height: number;
  readonly frameCount: number;
  /** Draws one frame as planar 4:2:0 (BT.709, limited range). The bytes are valid until the next call. */
  drawFrame(index: number): Uint8Array;
}

/** An H.264 and AAC encoder that can also decode recordings. Frames are pulled: none waits in memory. */
export interface Encoder {
  readonly name: EncoderName;
  /**
   * Decodes to 16 kHz mono, in pieces.
   *
   * @throws PreviewError `audio_undecodable`, `encoder_failed` or `aborted`.
   */
  decodeSpeech(
    recording: Recording,
    onSamples: (samples: Int16Array) => void,
    abort: AbortSources,
  ): Promise<void>;
  /**
   * Writes the MP4.
   *
   * @throws PreviewError `encoder_failed` or `aborted`; what was written so far is left to the caller.
   */
  encodeVideo(job: VideoJob, abort: AbortSources): Promise<void>;
}
