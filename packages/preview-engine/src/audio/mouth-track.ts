import { clamp, smoothStep } from "../numbers.ts";
import type { SpeechFrame } from "./speech-analyser.ts";

/** What the mouth does in one frame; every value runs from 0 to 1. */
export interface MouthPose {
  readonly open: number;
  /** Spread as in "ee". */
  readonly wide: number;
  /** Rounded as in "oo". */
  readonly round: number;
  /** How much the person is talking at all, over about half a second. */
  readonly speaking: number;
  /** Loudness between this recording's quiet and loud. */
  readonly loudness: number;
}

/** Speech below this, even at its loudest, is silence. */
const SILENCE_DECIBELS = -60;
/** The mouth leads the sound by this many frames, as real mouths do. */
const LEAD_FRAMES = 1;
const SYLLABLE_REACH = 4;
const SYLLABLE_CONTRAST = 0.55;
const OPENING_SPEED = 0.75;
const CLOSING_SPEED = 0.6;
const SHAPE_SPEED = 0.45;

/** Turns the sound of every frame into a pose of the mouth. */
export function planMouth(speech: readonly SpeechFrame[]): MouthPose[] {
  const loudness = normaliseLoudness(speech.map(({ decibels }) => decibels));
  const shapes = speech.map((frame, i) => shapeOf(frame, loudness[i] ?? 0));
  const open = sharpenSyllables(blur(shapes.map((shape) => shape.open)));
  const wide = blur(shapes.map((shape) => shape.wide));
  const round = blur(shapes.map((shape) => shape.round));
  const last = speech.length - 1;
  const poses: MouthPose[] = [];
  let pose: MouthPose = { open: 0, wide: 0, round: 0, speaking: 0, loudness: 0 };
  for (let i = 0; i <= last; i++) {
    const ahead = Math.min(i + LEAD_FRAMES, last);
    const target = open[ahead] ?? 0;
    const nearby = loudness.slice(Math.max(0, i - 3), i + 7);
    pose = {
      open: approach(pose.open, target, target > pose.open ? OPENING_SPEED : CLOSING_SPEED),
      wide: approach(pose.wide, wide[ahead] ?? 0, SHAPE_SPEED),
      round: approach(pose.round, round[ahead] ?? 0, SHAPE_SPEED),
      speaking: approach(pose.speaking, Math.max(...nearby) > 0.12 ? 1 : 0, 0.22),
      loudness: loudness[i] ?? 0,
    };
    poses.push(pose);
  }
  return poses;
}

/** Each recording is measured against itself, so that microphone level does not matter. */
function normaliseLoudness(decibels: readonly number[]): number[] {
  const sorted = decibels.toSorted((a, b) => a - b);
  const loud = percentile(sorted, 0.95);
  if (loud < SILENCE_DECIBELS) return decibels.map(() => 0);
  const quiet = Math.max(percentile(sorted, 0.08), loud - 55);
  const high = loud + 1.5;
  const low = Math.min(Math.max(loud - 30, quiet + 5), high - 12);
  return decibels.map((value) => clamp((value - low) / (high - low)));
}

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

/** A coarse phonetic reading: the first formant opens the jaw, hisses and nasals close it. */
function shapeOf(sound: SpeechFrame, loudness: number) {
  const epsilon = 1e-12;
  const { low, closedVowel, openVowel, back, front, hiss } = sound;
  const total = sound.total + epsilon;
  const jaw = openVowel / (openVowel + closedVowel + epsilon);
  const fricative = smoothStep(0.35, 0.7, hiss / total);
  const nasal = smoothStep(0.72, 0.93, (low + 0.5 * closedVowel) / (total - hiss + epsilon));
  const frontness = front / (front + back + openVowel * 0.25 + epsilon);
  const rounding =
    smoothStep(0.35, 0.8, (closedVowel + openVowel) / total) * (1 - smoothStep(0.04, 0.16, front / total));
  const open =
    loudness ** 1.25 *
    (0.38 + 0.72 * jaw) *
    (1 - 0.75 * fricative) *
    (1 - 0.8 * nasal * (loudness < 0.85 ? 1 : 0.5));
  return {
    open: clamp(open * 1.15),
    wide: clamp(loudness * (clamp((frontness - 0.35) * 1.5, -0.2) * (1 - rounding) + 0.35 * fricative)),
    round: clamp(loudness * rounding * (1 - 0.55 * jaw) * (1 - fricative)),
  };
}

function blur(values: readonly number[]): number[] {
  return values.map(
    (value, i) => 0.22 * (values[i - 1] ?? value) + 0.56 * value + 0.22 * (values[i + 1] ?? value),
  );
}

/** Pushes dips down and peaks up, so that the mouth closes between syllables. */
function sharpenSyllables(values: readonly number[]): number[] {
  return values.map((value, i) => {
    const around = values.slice(Math.max(0, i - SYLLABLE_REACH), i + SYLLABLE_REACH + 1);
    const mean = around.reduce((sum, other) => sum + other, 0) / around.length;
    return clamp(value + SYLLABLE_CONTRAST * (value - mean));
  });
}

function approach(from: number, to: number, speed: number): number {
  return from + speed * (to - from);
}
