import { type VideoFacts, VideoUnplayable } from "./inspect-video.ts";

const SIZES = ["1280x720", "720x1280", "960x960"];
const FRAME_SECONDS = 1 / 25;
/** The edit lists that a length comes from count in milliseconds. */
const ROUNDING_SECONDS = 0.001;

/**
 * Sees that a video is as long as the recording it was made from. What is compared is what a player plays: encoders
 * end both tracks on a whole frame, so either may differ from the recording by one; the packet that AAC starts with
 * and the filling of its last one are left out by the edit list and are no part of it.
 * @throws VideoUnplayable
 */
export function checkVideo(
  { width, height, videoSeconds, audioSeconds }: VideoFacts,
  recordingSeconds: number,
): void {
  for (const [track, seconds] of [
    ["pictures", videoSeconds],
    ["sound", audioSeconds],
  ] as const) {
    if (!(Math.abs(seconds - recordingSeconds) <= FRAME_SECONDS + ROUNDING_SECONDS)) {
      const lengths = `${seconds.toFixed(3)} s for a recording of ${recordingSeconds.toFixed(3)} s`;
      throw new VideoUnplayable(`The video's ${track} last ${lengths}.`);
    }
  }
  if (!SIZES.includes(`${width}x${height}`))
    throw new VideoUnplayable(`The video has ${width} x ${height} pixels.`);
}
