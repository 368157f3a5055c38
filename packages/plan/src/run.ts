import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Bench, parseBench } from "./bench.ts";
import { GPUS, PROFILES } from "./facts.ts";
import { plan, type Question } from "./plan.ts";
import { report, toJson } from "./report.ts";

const USAGE = `Usage: plan [options]: what videos take and cost on RunPod
  --per-day <n>         videos a day (100)
  --seconds <n>         length of each (5)
  --gpu <name>          ${Object.keys(GPUS).join(" or ")} (L40S)
  --profile <name>      ${Object.keys(PROFILES).join(", ")} (fast)
  --hours <n>           of the day in which they are asked for (24)
  --idle-timeout <n>    seconds that a worker waits for work before it goes away (5)
  --workers-max <n>     workers that may be awake at once (3)
  --volume-gb <n>       size of the network volume with the models (120, where they are downloaded to it;
                        80 are enough where they were prepared elsewhere)
  --bench <file>        what \`python -m avatar_worker.bench\` printed on the GPU, instead of estimates
  --json                for machines
  --help                this`;

class UsageError extends Error {}

/** @returns the exit code: 0, or 2 where the arguments are wrong */
export function run(args: readonly string[], say: (text: string) => void): number {
  try {
    const options = parseOptions(args);
    if (options.help) {
      say(USAGE);
      return 0;
    }
    const question = toQuestion(options);
    say(options.json ? toJson(question, plan(question)) : report(question));
    return 0;
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    say(error.message);
    return 2;
  }
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
        "volume-gb": text("120"),
        bench: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`);
  }
}

function toQuestion(options: ReturnType<typeof parseOptions>): Question {
  const gpu = oneOf("--gpu", options.gpu, GPUS);
  const profile = oneOf("--profile", options.profile, PROFILES);
  return {
    perDay: number("--per-day", options["per-day"], 0.1, 100_000),
    seconds: number("--seconds", options.seconds, 0.5, 600),
    gpu,
    profile,
    hours: number("--hours", options.hours, 0.1, 24),
    idleSeconds: number("--idle-timeout", options["idle-timeout"], 1, 3600),
    workersMax: wholeNumber("--workers-max", options["workers-max"], 1, 1000),
    volumeGb: number("--volume-gb", options["volume-gb"], 0, 4000),
    bench: options.bench === undefined ? undefined : readBench(options.bench, gpu, profile),
  };
}

function number(name: string, text: string, min: number, max: number): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value >= min && value <= max))
    throw new UsageError(`${name}: expected a number from ${min} to ${max}`);
  return value;
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = number(name, text, min, max);
  if (!Number.isInteger(value))
    throw new UsageError(`${name}: expected a whole number from ${min} to ${max}`);
  return value;
}

function oneOf(name: string, value: string, all: object): string {
  if (!Object.hasOwn(all, value))
    throw new UsageError(
      `${name}: expected ${Object.keys(all).join(" or ")}; nothing is known about ${value}`,
    );
  return value;
}

function readBench(path: string, gpu: string, profile: string): Bench {
  const bench = parseFile(path);
  const known = Object.keys(GPUS);
  const measuredOn = known.find((name) => bench.gpu.name.includes(name));
  if (!measuredOn)
    throw new UsageError(
      `--bench ${path}: it was measured on ${bench.gpu.name}; prices are known of ${known.join(" and ")}`,
    );
  const missing = [
    ...(measuredOn === gpu ? [] : [`--gpu ${measuredOn}`]),
    ...(bench.profile === profile ? [] : [`--profile ${bench.profile}`]),
  ];
  if (missing.length > 0)
    throw new UsageError(
      `--bench ${path}: it was measured on ${bench.gpu.name} with profile ${bench.profile}: add ${missing.join(" ")}`,
    );
  return bench;
}

function parseFile(path: string): Bench {
  try {
    return parseBench(readFileSync(path, "utf8"));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`--bench ${path}: ${code ? `the file cannot be read (${code})` : message}`);
  }
}
