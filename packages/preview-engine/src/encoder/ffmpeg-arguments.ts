import { AI_MARK } from "../ai-mark.ts";
import type { Recording } from "../audio/recording.ts";
import { FRAMES_PER_SECOND, SAMPLE_RATE_HZ } from "../timing.ts";
import type { VideoJob } from "./encoder.ts";

/**
 * The same arguments for the ffmpeg program and its WebAssembly build. Recordings come from strangers:
 * one named demuxer, no network, and only decoders of the formats we accept.
 */
const DECODERS = [
  "aac",
  "alac",
  "flac",
  "libopus",
  "libvorbis",
  "mp3",
  "mp3float",
  "opus",
  "vorbis",
  "pcm_alaw",
  "pcm_f32le",
  "pcm_f64le",
  "pcm_mulaw",
  "pcm_s16le",
  "pcm_s24le",
  "pcm_s32le",
  "pcm_u8",
].join(",");

const QUIET = ["-hide_banner", "-nostdin", "-loglevel", "error"];

function recordingInput({ demuxer }: Recording, path: string): string[] {
  return [
    ["-protocol_whitelist", "file"],
    ["-codec_whitelist", DECODERS],
    ["-f", demuxer, "-vn", "-sn", "-dn", "-i", `file:${path}`],
  ].flat();
}

/** Up to its end, decodes to raw 16 kHz mono samples, little-endian. */
export function decodingArguments(recording: Recording, recordingPath: string, output: string): string[] {
  return [
    ...QUIET,
    ...recordingInput(recording, recordingPath),
    ...(recording.endSeconds === undefined ? [] : ["-t", recording.endSeconds.toFixed(6)]),
    ...["-map", "0:a:0", "-ac", "1", "-ar", String(SAMPLE_RATE_HZ), "-f", "s16le", "-c:a", "pcm_s16le"],
    output,
  ];
}

/**
 * Encodes raw frames and the recording to an MP4 whose index comes first. One x264 thread and `bitexact`
 * make the file depend on the input alone; `apad` and `-t` end both tracks on the same frame.
 */
export function encodingArguments(
  job: VideoJob,
  frames: string,
  recordingPath: string,
  output: string,
): string[] {
  const size = `${job.width}x${job.height}`;
  const rate = String(FRAMES_PER_SECOND);
  return [
    [...QUIET, "-y"],
    ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", size, "-framerate", rate, "-i", frames],
    recordingInput(job.recording, recordingPath),
    ["-map", "0:v:0", "-map", "1:a:0"],
    ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-threads", "1", "-pix_fmt", "yuv420p"],
    ["-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"],
    ["-c:a", "aac", "-b:a", "128k", "-ar", "48000", "-ac", "1", "-af", "apad"],
    ["-t", (job.frameCount / FRAMES_PER_SECOND).toFixed(2)],
    ["-map_metadata", "-1", "-map_chapters", "-1", "-metadata", `comment=${AI_MARK}`],
    ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"],
    ["-movflags", "+faststart", "-f", "mp4", output],
  ].flat();
}
