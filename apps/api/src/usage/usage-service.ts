import { LIMITS } from "@avatar/contract/limits";
import type { GetUsageInput, LimitLeft, Usage, UsageCounts, UsageDay } from "@avatar/contract/usage-types";
import { type Caller, requireScope } from "../api-keys/caller.ts";
import { AppError } from "../errors.ts";
import type { UsageRepository, UsageRow } from "./usage-repository.ts";

interface Deps {
  usage: UsageRepository;
  leftOf: (caller: Caller) => Promise<LimitLeft[]>;
  now: () => Date;
}

export type UsageService = ReturnType<typeof createUsageService>;

/** Stands for all owners. */
const ALL = "*";
const DAY_MS = 86_400_000;
const { maxDays, maxRows } = LIMITS.usage;

export const createUsageService = ({ usage, leftOf, now }: Deps) => ({
  /** Of the caller's mode. @throws AppError `insufficient_scope`, `invalid_input` */
  async get(caller: Caller, input: GetUsageInput): Promise<Usage> {
    if (caller.childKeyId)
      throw new AppError("insufficient_scope", {
        detail: "A child key sees no usage: it is counted for the key that made it.",
      });
    if (input.owner !== undefined) requireScope(caller, "admin");
    const { owner = caller.owner } = input;
    const { from, to } = range(input, now());
    const filter = { mode: caller.mode, owner: owner === ALL ? undefined : owner, from, to };
    const [rows, limits] = await Promise.all([usage.list(filter, maxRows + 1), leftOf(caller)]);
    if (rows.length > maxRows)
      throw invalid("from", `there are more than ${maxRows} rows; ask for fewer days at once`);
    return { from, to, totals: rounded(rows.reduce(plus, NOTHING)), days: rows.map(toDay), limits };
  },
});

/** Days in UTC: the month of the last day, unless asked otherwise. */
function range({ from: first, to: last }: GetUsageInput, now: Date): { from: string; to: string } {
  const to = last ?? now.toISOString().slice(0, 10);
  const from = first ?? `${to.slice(0, 7)}-01`;
  const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
  if (days < 1) throw invalid("from", `expected ${to} or earlier`);
  if (days > maxDays) throw invalid("from", `expected ${maxDays} days at most until ${to}`);
  return { from, to };
}

const NOTHING: UsageCounts = {
  jobs: 0,
  succeeded: 0,
  failed: 0,
  canceled: 0,
  videoSeconds: 0,
  gpuSeconds: 0,
  costUsd: 0,
};

const plus = (a: UsageCounts, b: UsageCounts): UsageCounts => ({
  jobs: a.jobs + b.jobs,
  succeeded: a.succeeded + b.succeeded,
  failed: a.failed + b.failed,
  canceled: a.canceled + b.canceled,
  videoSeconds: a.videoSeconds + b.videoSeconds,
  gpuSeconds: a.gpuSeconds + b.gpuSeconds,
  costUsd: a.costUsd + b.costUsd,
});

/** Sums of binary fractions, as people write them. */
const rounded = (counts: UsageCounts): UsageCounts => ({
  ...counts,
  videoSeconds: Math.round(counts.videoSeconds * 1e3) / 1e3,
  costUsd: Math.round(counts.costUsd * 1e6) / 1e6,
});

const toDay = ({ day, owner, keyId, ...row }: UsageRow): UsageDay => ({
  day,
  owner,
  keyId,
  ...rounded(plus(NOTHING, row)),
});

const invalid = (path: string, message: string) =>
  new AppError("invalid_input", { detail: `${path}: ${message}.`, issues: [{ path, message }] });
