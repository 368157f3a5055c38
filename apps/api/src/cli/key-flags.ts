import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { CreateKeyInput, KeyIdInput, ListKeysInput, RotateKeyInput } from "@avatar/contract/key-schemas";
import type { z } from "zod";

/** What was asked for cannot be understood: the message says why. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const text = { type: "string" } as const;

const LIMITS = {
  "requests-per-minute": "requestsPerMinute",
  "jobs-in-flight": "jobsInFlight",
  "jobs-queued": "jobsQueued",
  "gpu-seconds-per-day": "gpuSecondsPerDay",
  "usd-per-day": "usdPerDay",
  "usd-per-month": "usdPerMonth",
} as const;
const limitOptions = Object.fromEntries(Object.keys(LIMITS).map((flag) => [flag, text]));

/** How a field is spelled on the command line. */
const flagOf = (field: string) =>
  `--${Object.entries(LIMITS).find(([, name]) => name === field)?.[0] ?? FLAGS[field] ?? field}`;
const FLAGS: Record<string, string> = { expiresAt: "expires", overlapSeconds: "overlap" };

type Flags = Record<string, string | undefined>;

function parseFlags(args: readonly string[], options: ParseArgsOptionsConfig): Flags {
  try {
    return parseArgs({ args: [...args], options }).values as Flags;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** The input of an operation; the schema is the one of the API. */
function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const { success, data, error } = schema.safeParse(input);
  if (success) return data;
  throw refusal(error.issues);
}

/** Of fields, by their flags. */
export function refusal(issues: readonly { path: PropertyKey | readonly PropertyKey[]; message: string }[]) {
  const lines = issues.map(({ path, message }) => {
    const field = [path].flat().findLast((step) => typeof step === "string");
    return `${flagOf(String(field))}: ${message}`;
  });
  return new UsageError(lines.join("\n"));
}

const DURATION = /^(\d{1,9})([smhd])$/;
const SECONDS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

function toSeconds(duration: string): number | undefined {
  const [, count, unit = ""] = DURATION.exec(duration) ?? [];
  if (duration === "0") return 0;
  return count === undefined ? undefined : Number(count) * (SECONDS[unit] ?? 0);
}

/** `90d` from now, or the time itself. */
function toTime(duration: string, now: Date): string {
  const seconds = toSeconds(duration);
  if (seconds === undefined) return duration;
  const time = new Date(now.getTime() + seconds * 1000);
  if (Number.isNaN(time.getTime()) || time.getUTCFullYear() > 9999)
    throw new UsageError("--expires: that is too far away");
  return time.toISOString();
}

const toNumber = (value: string) => (/^\d+(\.\d+)?$/.test(value) ? Number(value) : value);

export function createInput(args: readonly string[], defaults: { owner: string; name: string }, now: Date) {
  const { owner, name, mode, scopes, expires, ...limits } = parseFlags(args, {
    owner: text,
    name: text,
    mode: text,
    scopes: text,
    expires: text,
    ...limitOptions,
  });
  return parseInput(CreateKeyInput, {
    owner: owner ?? defaults.owner,
    name: name ?? defaults.name,
    mode,
    scopes: scopes?.split(","),
    expiresAt: expires === undefined ? undefined : toTime(expires, now),
    limits: Object.fromEntries(
      Object.entries(LIMITS).map(([flag, field]) => [field, limits[flag] && toNumber(limits[flag])]),
    ),
  });
}

export const listInput = (args: readonly string[]) =>
  parseInput(ListKeysInput, { ...parseFlags(args, { owner: text }), limit: 100 });

export function auditInput(args: readonly string[]): { limit: number } {
  const { limit = "50" } = parseFlags(args, { limit: text });
  if (!/^[1-9]\d{0,4}$/.test(limit)) throw new UsageError("--limit: expected a number from 1 to 99999");
  return { limit: Number(limit) };
}

const ofOneKey = ([id = ""]: readonly string[]) => {
  if (id === "" || id.startsWith("-"))
    throw new UsageError("The id of the key is missing: `keys list` tells it.");
  return id;
};

export function rotateInput(args: readonly string[]) {
  const id = ofOneKey(args);
  const { overlap } = parseFlags(args.slice(1), { overlap: text });
  const overlapSeconds = overlap === undefined ? undefined : (toSeconds(overlap) ?? overlap);
  return parseInput(RotateKeyInput, { id, overlapSeconds });
}

export function revokeInput(args: readonly string[]) {
  const id = ofOneKey(args);
  parseFlags(args.slice(1), {});
  return parseInput(KeyIdInput, { id });
}

export const noInput = (args: readonly string[]) => parseFlags(args, {});
