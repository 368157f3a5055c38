import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { GPUS, PROFILES } from "./facts.ts";
import { plan, type Question } from "./plan.ts";
import { parseBench } from "./render-time.ts";
import { report, toJson } from "./report.ts";

const USAGE = `Usage: plan [options]: what videos take and cost on RunPod
  --per-day <n>         videos a day (100)
  --seconds <n>         length of each (5)
  --gpu <name>          ${Object.keys(GPUS).join(" or ")} (L40S)
  --profile <name>      ${Object.keys(PROFILES).join(", ")} (fast)
  --hours <n>           of the day in which they are asked for (24)
  --idle-timeout <n>    seconds that a worker waits for work before it goes away (5)
  --workers-max <n>     (3)
  --volume-gb <n>       size of the network volume with the models (80)
  --bench <file>        what \`python -m avatar_worker.bench\` printed on the GPU, instead of estimates
  --json                for machines`;

class UsageError extends Error {}

/** @returns the exit code: 0, or 2 where the arguments are wrong */
export function run(args: readonly string[], say: (text: string) => void): number {
  try {
    const { question, isJson } = parse(args);
    say(isJson ? toJson(question, plan(question)) : report(question));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(error.message);
    return 2;
  }
}

function parse(args: readonly string[]): { question: Question; isJson: boolean } {
  const values = parseOptions(args);
  const gpu = oneOf("--gpu", values.gpu, GPUS);
  const profile = oneOf("--profile", values.profile, PROFILES);
  const bench = values.bench === undefined ? undefined : readBench(values.bench);
  if (bench && bench.profile !== profile)
    throw new UsageError(
      `--bench: it was measured with profile ${bench.profile}: add --profile ${bench.profile}`,
    );
  if (bench && !bench.gpu.name.includes(gpu))
    throw new UsageError(`--bench: it was measured on ${bench.gpu.name}, not on --gpu ${gpu}`);
  const question: Question = {
    perDay: number("--per-day", values["per-day"], 0.1, 100_000),
    seconds: number("--seconds", values.seconds, 0.5, 600),
    gpu,
    profile,
    hours: number("--hours", values.hours, 0.1, 24),
    idleSeconds: number("--idle-timeout", values["idle-timeout"], 1, 3600),
    workersMax: Math.floor(number("--workers-max", values["workers-max"], 1, 1000)),
    volumeGb: number("--volume-gb", values["volume-gb"], 0, 4000),
    bench,
  };
  return { question, isJson: values.json };
}

function parseOptions(args: readonly string[]) {
  const text = (value: string) => ({ type: "string", default: value }) as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        "per-day": text("100"),
        seconds: text("5"),
        gpu: text("L40S"),
        profile: text("fast"),
        hours: text("24"),
        "idle-timeout": text("5"),
        "workers-max": text("3"),
        "volume-gb": text("80"),
        bench: { type: "string" },
        json: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function number(name: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value >= min && value <= max))
    throw new UsageError(`${name}: expected a number from ${min} to ${max}`);
  return value;
}

function oneOf(name: string, value: string, all: object): string {
  if (!Object.hasOwn(all, value))
    throw new UsageError(
      `${name}: expected ${Object.keys(all).join(" or ")}; nothing is known about ${value}`,
    );
  return value;
}

function readBench(path: string) {
  try {
    return parseBench(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UsageError(`--bench ${path}: ${(error as Error).message}`);
  }
}
