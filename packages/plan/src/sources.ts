import { countedVideos } from "./bench.ts";
import {
  GPU_PRICE_SOURCE,
  GPUS,
  MARKET,
  MARKET_SOURCE,
  MODEL_GB,
  PROFILES,
  SCALE_UP_SECONDS,
  SCALE_UP_SOURCE,
  VOLUME_DOLLARS_PER_GB_MONTH,
  VOLUME_MB_PER_SECOND,
  VOLUME_PRICE_SOURCE,
  VOLUME_SPEED_SOURCE,
} from "./facts.ts";
import { count } from "./format.ts";
import { type Question, SIMULATED_DAYS } from "./plan.ts";

/** Where a number comes from. */
export interface Source {
  figure: string;
  kind: "measured" | "estimated" | "assumed" | "published" | "simulated";
  source: string;
}

const NO_TRANSFER = "Fetching the files and uploading the video are not in it";
const NO_CONTAINER = "The start of the container, which nobody has measured, is not in it";

export function sources({ bench }: Question): Source[] {
  return [
    ...(bench ? measuredTimes(bench) : estimatedTimes()),
    {
      figure: `${SCALE_UP_SECONDS} s before a worker wakes`,
      kind: "assumed",
      source: SCALE_UP_SOURCE,
    },
    {
      figure: "cold starts, request to video, billed seconds",
      kind: "simulated",
      source:
        `${SIMULATED_DAYS} days of requests that come at random; a worker is billed from its wake to its stop, ` +
        "rounded up to the second (RunPod's documentation of 2026-08-20). A GPU is always free, and the server's own " +
        "time is not in it",
    },
    { figure: "price of a GPU's second", kind: "published", source: GPU_PRICE_SOURCE },
    {
      figure: `volume at $${VOLUME_DOLLARS_PER_GB_MONTH} a GB and month`,
      kind: "published",
      source: VOLUME_PRICE_SOURCE,
    },
    {
      figure: "prices elsewhere",
      kind: "published",
      source: `${MARKET_SOURCE}: ${MARKET.map(({ page }) => page).join("; ")}`,
    },
  ];
}

function measuredTimes(bench: NonNullable<Question["bench"]>): Source[] {
  const { videos, gpu } = bench;
  const first = countedVideos(bench).length < videos.length ? " after a first one" : "";
  return [
    {
      figure: "render on a warm worker",
      kind: "measured",
      source: `${count(countedVideos(bench).length, "video")}${first} on ${gpu.name}, from the files to the encoded video; other lengths by their windows. ${NO_TRANSFER}`,
    },
    {
      figure: "start of a cold worker",
      kind: "measured",
      source: `one load of the models on ${gpu.name}, from the disk that it had. ${NO_CONTAINER}`,
    },
  ];
}

function estimatedTimes(): Source[] {
  const profiles = Object.entries(PROFILES);
  const list = (show: (profile: (typeof profiles)[number][1]) => unknown) =>
    profiles.map(([name, profile]) => `${show(profile)} (${name})`).join(", ");
  return [
    {
      figure: "render on a warm worker",
      kind: "estimated",
      source: `for each window, the operations of its forwards over the GPU's speed, and seconds for the rest. ${NO_TRANSFER}`,
    },
    {
      figure: "operations of a forward",
      kind: "estimated",
      source: `in 10^15: ${list(({ petaflops }) => petaflops)}; counted from the shapes of the model's layers, for 81 frames`,
    },
    ...Object.entries(GPUS).map(
      ([name, { teraflops, source }]): Source => ({
        figure: `speed of an ${name}`,
        kind: "estimated",
        source: `${teraflops.low} to ${teraflops.high} x 10^12 operations a second, ${source}`,
      }),
    ),
    {
      figure: "the rest of a window",
      kind: "assumed",
      source: `in seconds: ${list(({ overheadSeconds }) => overheadSeconds)}; decoding and encoding, which nobody has measured`,
    },
    {
      figure: "start of a cold worker",
      kind: "estimated",
      source:
        `${MODEL_GB} GB, counted from the shapes of the tensors, read at ${VOLUME_MB_PER_SECOND.low} to ` +
        `${VOLUME_MB_PER_SECOND.high} MB/s: ${VOLUME_SPEED_SOURCE}. ${NO_CONTAINER}`,
    },
  ];
}
