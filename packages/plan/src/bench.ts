import { type Timing, windowsOf } from "./render-time.ts";

/** What `python -m avatar_worker.bench` prints, as far as it is used here. */
export interface Bench {
  engine: string;
  profile: string;
  gpu: { name: string };
  load: { seconds: number };
  videos: BenchVideo[];
}

interface BenchVideo {
  windows: number;
  totalSeconds: number;
}

/** @throws Error where the text is no such output, or says nothing about a GPU */
export function parseBench(text: string): Bench {
  const bench = parseJson(text) as Partial<Bench> | null;
  const isWhole =
    typeof bench?.profile === "string" &&
    typeof bench.load?.seconds === "number" &&
    Array.isArray(bench.videos) &&
    bench.videos.length > 0 &&
    bench.videos.every((video: BenchVideo | null) => video && video.windows > 0 && video.totalSeconds > 0);
  if (!isWhole) throw new Error("the file is not what `python -m avatar_worker.bench` prints");
  if (bench.engine === "stub" || typeof bench.gpu?.name !== "string")
    throw new Error("it was measured without a GPU, and says nothing about one");
  return bench as Bench;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error("the file is no whole JSON, as `python -m avatar_worker.bench` prints it");
  }
}

/** The first video has what only happens once: it counts where it is the only one. */
export const countedVideos = ({ videos }: Bench): BenchVideo[] =>
  videos.length > 1 ? videos.slice(1) : videos;

/** Videos of other lengths take as long as their windows do. */
export function measured(bench: Bench, seconds: number): Timing {
  const perWindow = countedVideos(bench).map(({ windows, totalSeconds }) => totalSeconds / windows);
  const windows = windowsOf(seconds);
  return {
    render: { low: Math.min(...perWindow) * windows, high: Math.max(...perWindow) * windows },
    coldStart: { low: bench.load.seconds, high: bench.load.seconds },
  };
}
