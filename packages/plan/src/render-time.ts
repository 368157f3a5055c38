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

/** How long one worker takes, in seconds, and where that is known from. */
export interface Timing {
  render: Range;
  coldStart: Range;
  source: string;
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
    source: `estimated: ${gpu.source}`,
  };
}

/** What `python -m avatar_worker.bench` prints, as far as it is used here. */
export interface Bench {
  engine: string;
  profile: string;
  gpu: { name: string };
  load: { seconds: number };
  videos: { windows: number; totalSeconds: number }[];
}

/** @throws Error where the text is no such output, or says nothing about a GPU */
export function parseBench(text: string): Bench {
  const bench = JSON.parse(text) as Partial<Bench>;
  const { engine, profile, gpu, load, videos } = bench;
  const isWhole =
    typeof profile === "string" &&
    typeof load?.seconds === "number" &&
    Array.isArray(videos) &&
    videos.length > 0 &&
    videos.every(({ windows, totalSeconds }) => windows > 0 && totalSeconds > 0);
  if (!isWhole) throw new Error("it is not what `python -m avatar_worker.bench` prints");
  if (engine === "stub" || typeof gpu?.name !== "string")
    throw new Error("it was measured without a GPU, and says nothing about one");
  return bench as Bench;
}

/** Videos of other lengths take as long as their windows do. */
export function measured(bench: Bench, seconds: number): Timing {
  // The first has what only happens once, as long as it is not the only one.
  const videos = bench.videos.length > 1 ? bench.videos.slice(1) : bench.videos;
  const perWindow = videos.map(({ windows, totalSeconds }) => totalSeconds / windows);
  const [low, high] = [Math.min(...perWindow), Math.max(...perWindow)];
  const windows = windowsOf(seconds);
  return {
    render: { low: low * windows, high: high * windows },
    coldStart: { low: bench.load.seconds, high: bench.load.seconds },
    source: `measured: ${bench.videos.length} videos on ${bench.gpu.name}`,
  };
}
