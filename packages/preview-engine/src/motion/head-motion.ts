import { smoothStep } from "../numbers.ts";
import { FRAMES_PER_SECOND } from "../timing.ts";
import { createRandom } from "./random.ts";

/** Head, lids and brows in one frame. Distances are in face units (see face-axes.ts). */
export interface HeadPose {
  readonly yaw: number;
  readonly pitch: number;
  readonly rollRad: number;
  readonly shiftX: number;
  readonly shiftY: number;
  readonly brow: number;
  readonly breath: number;
  /** 0 open, 1 closed. */
  readonly blink: number;
}

/** How far the lids are closed in the frames of one blink. */
const BLINK_SHAPE = [0.3, 0.82, 1, 0.95, 0.62, 0.3, 0.1] as const;
const FADE_IN_SECONDS = 0.8;

/**
 * Slow seeded sways on every axis, nods and raised brows on stressed syllables, and blinks every few seconds.
 * The angles are small: hair and shoulders are bent in two dimensions and would show more.
 */
export function planHead(loudness: readonly number[], seed: number): HeadPose[] {
  const random = createRandom(seed);
  const phases = Array.from({ length: 12 }, () => random() * 2 * Math.PI);
  const frequenciesHz = Array.from({ length: 6 }, () => 0.11 + random() * 0.16);
  const blinks = planBlinks(loudness.length, random);
  let stress = 0;
  let calm = 0;
  return loudness.map((level, i) => {
    const seconds = i / FRAMES_PER_SECOND;
    const turn = 2 * Math.PI * seconds;
    stress += 0.12 * (level - stress);
    calm += 0.03 * (level - calm);
    const sway = (axis: number) => {
      const angle = turn * (frequenciesHz[axis] ?? 0);
      return (
        0.65 * Math.sin(angle + (phases[axis] ?? 0)) + 0.35 * Math.sin(2.3 * angle + (phases[axis + 6] ?? 0))
      );
    };
    const fade = smoothStep(0, FADE_IN_SECONDS, seconds);
    const liveliness = fade * (0.75 + 0.5 * calm);
    const accent = stress - calm;
    return {
      yaw: liveliness * 0.05 * sway(0),
      pitch: liveliness * 0.03 * sway(1) + fade * 0.045 * accent,
      rollRad: liveliness * 0.016 * sway(2),
      shiftX: fade * 0.012 * sway(3),
      shiftY: fade * (0.008 * sway(4) + 0.012 * accent),
      brow: fade * 0.03 * (0.5 * calm + 0.9 * Math.max(0, accent)),
      breath: fade * Math.sin(0.23 * turn + (phases[5] ?? 0)),
      blink: blinks[i] ?? 0,
    };
  });
}

/** First blink after 0.7 to 2 s, then every 2.1 to 5.2 s; one in eight is double. */
function planBlinks(frameCount: number, random: () => number): Float32Array {
  const closed = new Float32Array(frameCount);
  let seconds = 0.7 + random() * 1.3;
  while (seconds * FRAMES_PER_SECOND < frameCount) {
    const start = Math.round(seconds * FRAMES_PER_SECOND);
    BLINK_SHAPE.forEach((share, i) => {
      if (start + i < frameCount) closed[start + i] = Math.max(closed[start + i] ?? 0, share);
    });
    seconds += random() < 0.12 ? 0.45 : 2.1 + random() * 3.1;
  }
  return closed;
}
