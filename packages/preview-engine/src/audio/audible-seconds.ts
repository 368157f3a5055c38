import { SAMPLE_RATE_HZ } from "../timing.ts";

/** Below this a stretch of sound is taken for noise: speech that is hardly heard lies 10 dB higher. */
const QUIET_DECIBELS = -50;
const BLOCK = SAMPLE_RATE_HZ / 25;

/** Counts the stretches of a recording, 40 ms each, in which anything is heard. Keeps no samples. */
export function createAudibleMeter() {
  const threshold = BLOCK * 32768 ** 2 * 10 ** (QUIET_DECIBELS / 10);
  let energy = 0;
  let filled = 0;
  let audible = 0;
  return {
    /** Takes the next 16 kHz mono samples, however many. */
    push(samples: Int16Array): void {
      for (const sample of samples) {
        energy += sample * sample;
        if (++filled < BLOCK) continue;
        if (energy > threshold) audible++;
        energy = 0;
        filled = 0;
      }
    },
    audibleSeconds: () => (audible * BLOCK) / SAMPLE_RATE_HZ,
  };
}
