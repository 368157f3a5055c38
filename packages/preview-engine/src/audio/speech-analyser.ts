import { FRAMES_PER_SECOND, SAMPLE_RATE_HZ } from "../timing.ts";
import { createPowerSpectrum } from "./fast-fourier.ts";

/** What one video frame's 50 ms of sound hold. Powers are linear and comparable only within a frame. */
export interface SpeechFrame {
  readonly decibels: number;
  /** Below 320 Hz: voicing and nasals. */
  readonly low: number;
  /** 200-480 and 480-1050 Hz: the first formant of closed and of open vowels. */
  readonly closedVowel: number;
  readonly openVowel: number;
  /** 1050-1700 and 1700-3200 Hz: the second formant of back and of front vowels. */
  readonly back: number;
  readonly front: number;
  /** Above 3800 Hz: hissing consonants. */
  readonly hiss: number;
  readonly total: number;
}

export interface SpeechAnalyser {
  /** Takes the next 16 kHz mono samples, however many. */
  push(samples: Int16Array): void;
  /** Ends the recording. The last frame may reach past it, so that no sample is cut. */
  finish(): { frames: SpeechFrame[]; sampleCount: number };
}

const SAMPLES_PER_FRAME = SAMPLE_RATE_HZ / FRAMES_PER_SECOND;
const WINDOW = 512;
/** Three overlapping spectra per frame, in samples from its middle (-12, 0 and +12 ms). */
const SPECTRUM_OFFSETS = [-192, 0, 192] as const;
const LOUDNESS_REACH = 400;
/** Samples needed on either side of a frame's middle. */
const REACH = 192 + WINDOW / 2 + 1;
const PRE_EMPHASIS = 0.68;
const HZ_PER_BIN = SAMPLE_RATE_HZ / WINDOW;

/**
 * Analyses a recording while it is being decoded. Only the samples around the current frame are kept, so
 * memory does not grow with the recording beyond eight numbers per frame.
 */
export function createSpeechAnalyser(): SpeechAnalyser {
  const frames: SpeechFrame[] = [];
  const analyseFrame = createFrameAnalyser();
  let kept = new Float64Array(0);
  /** Index in the recording of `kept[0]`; the recording is surrounded by silence. */
  let keptFrom = -REACH;
  let sampleCount = 0;

  function append(values: Float64Array): void {
    const joined = new Float64Array(kept.length + values.length);
    joined.set(kept);
    joined.set(values, kept.length);
    kept = joined;
  }

  function analyseAvailable(frameLimit: number): void {
    while (frames.length < frameLimit) {
      const middle = (frames.length + 0.5) * SAMPLES_PER_FRAME;
      if (middle + REACH > keptFrom + kept.length) break;
      frames.push(analyseFrame(kept, middle - keptFrom));
    }
    const firstNeeded = (frames.length + 0.5) * SAMPLES_PER_FRAME - REACH;
    const dropped = Math.min(kept.length, Math.max(0, firstNeeded - keptFrom));
    kept = kept.slice(dropped);
    keptFrom += dropped;
  }

  append(new Float64Array(REACH));
  return {
    push(samples) {
      append(Float64Array.from(samples, (sample) => sample / 32768));
      sampleCount += samples.length;
      analyseAvailable(Number.POSITIVE_INFINITY);
    },
    finish() {
      append(new Float64Array(SAMPLES_PER_FRAME + REACH));
      // Frames whose reach was not complete before the end are completed by silence; none starts after it.
      const frameCount = Math.ceil(sampleCount / SAMPLES_PER_FRAME);
      analyseAvailable(frameCount);
      frames.length = frameCount;
      return { frames, sampleCount };
    },
  };
}

function createFrameAnalyser(): (samples: Float64Array, middle: number) => SpeechFrame {
  const powerSpectrum = createPowerSpectrum(WINDOW);
  const windowed = new Float64Array(WINDOW);
  const hann = Float64Array.from(
    { length: WINDOW },
    (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (WINDOW - 1)),
  );
  return function analyseFrame(samples, middle) {
    const bands = { low: 0, closedVowel: 0, openVowel: 0, back: 0, front: 0, hiss: 0, total: 0 };
    for (const offset of SPECTRUM_OFFSETS) {
      const start = middle + offset - WINDOW / 2;
      for (let i = 0; i < WINDOW; i++) {
        const emphasised = (samples[start + i] as number) - PRE_EMPHASIS * (samples[start + i - 1] as number);
        windowed[i] = emphasised * (hann[i] as number);
      }
      const spectrum = powerSpectrum(windowed);
      for (let bin = 2; bin < spectrum.length; bin++) {
        const power = spectrum[bin] as number;
        const hz = bin * HZ_PER_BIN;
        bands.total += power;
        if (hz < 320) bands.low += power;
        if (hz >= 200 && hz < 480) bands.closedVowel += power;
        else if (hz >= 480 && hz < 1050) bands.openVowel += power;
        else if (hz >= 1050 && hz < 1700) bands.back += power;
        else if (hz >= 1700 && hz < 3200) bands.front += power;
        else if (hz >= 3800) bands.hiss += power;
      }
    }
    return { decibels: decibelsAround(samples, middle), ...bands };
  };
}

function decibelsAround(samples: Float64Array, middle: number): number {
  let energy = 0;
  for (let i = middle - LOUDNESS_REACH; i < middle + LOUDNESS_REACH; i++)
    energy += (samples[i] as number) ** 2;
  return 10 * Math.log10(energy / (2 * LOUDNESS_REACH) + 1e-9);
}
