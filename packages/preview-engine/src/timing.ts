/** Frames per second of every preview. */
export const FRAMES_PER_SECOND = 25;
/** Sound is analysed at this rate; the video keeps the recording at 48 kHz. */
export const SAMPLE_RATE_HZ = 16_000;
