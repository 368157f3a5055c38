import type { JobEstimate } from "@avatar/client";
import { defineCommand } from "./command.ts";
import { dollars, plain, seconds, table } from "./format.ts";
import { FILES_NOTE, JOB_OPTIONS, jobInput, showUploads } from "./job-input.ts";

export const estimate = defineCommand({
  name: "estimate",
  summary: "tell what a video would take and cost",
  operands: ["<portrait>", "<recording>"],
  options: JOB_OPTIONS,
  notes: [FILES_NOTE, "The files are uploaded and looked at; nothing is queued."],
  prepare(values, operands) {
    const input = jobInput(values, operands);
    return async ({ avatar, display, stop, print }) => {
      const { onUpload } = showUploads(input, display, { label: "Estimating" });
      const found = await avatar.estimate(input, { signal: stop.signal, onUpload });
      print(found, table(factsOf(found)));
    };
  },
});

function factsOf({
  audioSeconds,
  cost,
  position,
  etaSeconds,
  cold,
  warnings,
  refusal,
}: JobEstimate): string[][] {
  return [
    ["length", `${audioSeconds.toFixed(1)} s`],
    ["cost", `up to ${dollars(cost.usd)}, ${seconds(cost.gpuSeconds)} of a GPU`],
    ...(position === undefined
      ? []
      : [["queue", position === 1 ? "next in line" : `number ${position} in line`]]),
    ["ready", etaSeconds === undefined ? "not known yet" : `in about ${seconds(etaSeconds)}`],
    ...(cold ? [["start", "cold: a worker has to wake first"]] : []),
    ...warnings.map(({ code, message }) => ["warning", plain(`${message} (${code})`)]),
    ...(refusal ? [["refused", plain(`as things are: ${refusal.detail} (${refusal.code})`)]] : []),
  ];
}
