import {
  FIRST_WINDOW,
  FRAMES_PER_SECOND,
  type Gpu,
  LATER_WINDOW,
  MODEL_GB,
  type Profile,
  type Range,
  VOLUME_MB_PER_SECOND,
} from "./facts.ts";

/** How long one worker takes, in seconds. */
export interface Timing {
  render: Range;
  coldStart: Range;
}

export function windowsOf(seconds: number): number {
  const frames = Math.round(seconds * FRAMES_PER_SECOND);
  return 1 + Math.ceil(Math.max(frames - FIRST_WINDOW, 0) / LATER_WINDOW);
}

export function estimate(gpu: Gpu, profile: Profile, seconds: number): Timing {
  const work = profile.steps * profile.forwards * profile.petaflops * 1000;
  const render = (teraflops: number) => windowsOf(seconds) * (work / teraflops + profile.overheadSeconds);
  return {
    render: { low: render(gpu.teraflops.high), high: render(gpu.teraflops.low) },
    coldStart: {
      low: (MODEL_GB * 1000) / VOLUME_MB_PER_SECOND.high,
      high: (MODEL_GB * 1000) / VOLUME_MB_PER_SECOND.low,
    },
  };
}
