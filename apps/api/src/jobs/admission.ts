import type { KeyLimits } from "@avatar/contract/key-types";
import type { Caller, Meter } from "../api-keys/caller.ts";
import { isActive } from "../api-keys/key-end.ts";
import { type Budgets, hasBudget } from "../budget/budgets.ts";
import { AppError } from "../errors.ts";
import { uploadExpired } from "../uploads/upload-errors.ts";
import type { AdmissionRepository, Standing } from "./admission-repository.ts";
import type { JobRow, NewJobRow } from "./job-repository.ts";
import { limitReached } from "./limit-errors.ts";

interface Deps {
  admissions: AdmissionRepository;
  budget: Budgets;
  now: () => Date;
}

interface Pending {
  row: NewJobRow;
  caller: Caller;
  settle: PromiseWithResolvers<JobRow | undefined>;
}

export type Admit = ReturnType<typeof createAdmission>;

/** More than these wait for the next transaction. */
const MAX_BATCH = 64;

/**
 * Makes jobs, none beyond a limit or a budget: exactly so, whatever is under way here and in other replicas, as every
 * transaction holds the keys that it makes jobs of. Requests that come while one is under way share the next: a key that
 * many requests use at once would else wait for a commit to the disk for each.
 */
export function createAdmission({ admissions, budget, now }: Deps) {
  const pending: Pending[] = [];
  let isWorking = false;

  async function work(): Promise<void> {
    isWorking = true;
    while (pending.length > 0) {
      const batch = pending.splice(0, MAX_BATCH);
      try {
        const outcomes = await admissions.atomically((tx) => decide(tx, batch));
        for (const [index, { settle }] of batch.entries()) {
          const outcome = outcomes[index];
          if (outcome instanceof Error) settle.reject(outcome);
          else settle.resolve(outcome);
        }
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
    isWorking = false; // In the same step as the look at the queue: what comes later starts anew.
  }

  async function decide(tx: AdmissionRepository, batch: Pending[]): Promise<(JobRow | Error | undefined)[]> {
    const time = now();
    const isBudgeted =
      hasBudget(budget) && batch.some(({ row }) => row.mode === "live" && (row.estimatedCostUsd ?? 0) > 0);
    if (isBudgeted) await tx.lockBudget();
    const keyIds = [...new Set(batch.map(({ caller }) => caller.keyId))];
    const childKeyIds = batch.flatMap(({ caller }) => caller.childKeyId ?? []);
    const keys = await tx.lockKeys(keyIds, childKeyIds);
    const rows = batch.map(({ row }) => row);
    const kept = await tx.keepUploads([
      ...new Set(rows.flatMap((row) => [row.imageUploadId, row.audioUploadId])),
    ]);
    const taken = new Set((await tx.findTaken(rows)).map(nameOf));
    const standings = await loadStandings(tx, batch, keyIds, time);
    const service = isBudgeted ? { ...(await tx.heldByAll()), ...(await tx.spentByAll(time)) } : undefined;

    const verdicts = batch.map(({ row, caller }) => {
      const gone = [row.imageUploadId, row.audioUploadId].find((id) => !kept.has(id));
      // A key may have ended while files were on their way.
      if (!isActive(caller, keys, time)) return new AppError("unauthorized");
      if (gone !== undefined) return uploadExpired(gone);
      if (row.idempotencyKey && taken.has(nameOf(row))) return undefined;
      const ofService = caller.mode === "live" ? service : undefined;
      const refusal = refusalOf(caller, row, { standings, service: ofService, budget }, time);
      if (refusal) return refusal;
      if (row.idempotencyKey) taken.add(nameOf(row));
      for (const { id } of caller.meters) hold(standings.get(id), row);
      hold(ofService, row);
      return row;
    });
    const admitted = verdicts.filter(
      (verdict): verdict is NewJobRow => !!verdict && "fingerprint" in verdict,
    );
    const inserted = new Map((await tx.insert(admitted, time)).map((row) => [row.id, row]));
    return verdicts.map((verdict) =>
      verdict && "fingerprint" in verdict ? inserted.get(verdict.id) : verdict,
    );
  }

  /**
   * Undefined where the owner's idempotency key is taken; a read afterwards finds its job.
   * @throws AppError of the limit that is reached; `upload_expired` where an upload was deleted in the meantime
   */
  return function admit(caller: Caller, row: NewJobRow): Promise<JobRow | undefined> {
    const settle = Promise.withResolvers<JobRow | undefined>();
    pending.push({ row, caller, settle });
    if (!isWorking) void work();
    return settle.promise;
  };
}

type Costs = Pick<NewJobRow, "estimatedGpuSeconds" | "estimatedCostUsd">;

interface Standings {
  standings: ReadonlyMap<string, Standing>;
  /** Undefined where the service's budget is none, or does not matter. */
  service: Standing | undefined;
  budget: Budgets;
}

/** The first limit or budget that a job of the caller would exceed. */
export function refusalOf(
  { meters, childKeyId }: Caller,
  job: Costs,
  { standings, service, budget }: Standings,
  now: Date,
): AppError | undefined {
  for (const { id, limits } of meters) {
    const of = id === childKeyId ? "childKey" : "key";
    const isShown = of === "childKey" || childKeyId === undefined;
    const error = limitReached({ of, isShown }, limits, standings.get(id) ?? nothing(), job, now);
    if (error) return error;
  }
  return service && limitReached({ of: "service", isShown: false }, budget, service, job, now);
}

/** Of every meter of the batch: what is held against it. */
export async function loadStandings(
  tx: Omit<AdmissionRepository, "atomically">,
  batch: Pick<Pending, "caller">[],
  keyIds: string[],
  now: Date,
): Promise<Map<string, Standing>> {
  const meters = new Map(batch.flatMap(({ caller }) => caller.meters.map((meter) => [meter.id, meter])));
  const children = batch.flatMap(({ caller: { childKeyId } }) =>
    childKeyId && meters.get(childKeyId)?.limits.gpuSecondsPerDay !== undefined ? [childKeyId] : [],
  );
  const isOfKey = ({ id }: Meter) => keyIds.includes(id);
  const spenders = [...meters.values()].filter((meter) => isOfKey(meter) && hasQuota(meter.limits));
  const isPaid = [...meters.values()].some(({ limits }) => hasQuota(limits));
  const held = await tx.heldByKey(keyIds, isPaid);
  const spenderIds = spenders.map(({ id }) => id);
  const spent = spenderIds.length > 0 ? await tx.spentByKey(spenderIds, now) : new Map();
  const used = children.length > 0 ? await tx.gpuSecondsOfChildren(children) : new Map();
  return new Map(
    [...meters.keys()].map((id) => {
      const standing = { ...nothing(), ...held.get(id), ...spent.get(id) };
      if (used.has(id)) standing.gpuSecondsToday = used.get(id) ?? 0;
      return [id, standing];
    }),
  );
}

const hasQuota = (limits: KeyLimits) => limits.gpuSecondsPerDay !== undefined || hasBudget(limits);

export const nothing = (): Standing => ({
  inFlight: 0,
  queued: 0,
  gpuSeconds: 0,
  usd: 0,
  gpuSecondsToday: 0,
  usdToday: 0,
  usdThisMonth: 0,
});

function hold(
  standing: Standing | undefined,
  { estimatedGpuSeconds = 0, estimatedCostUsd = 0 }: Costs,
): void {
  if (!standing) return;
  standing.inFlight += 1;
  standing.queued += 1;
  standing.gpuSeconds += estimatedGpuSeconds;
  standing.usd += estimatedCostUsd;
}

const nameOf = ({ owner, idempotencyKey }: Pick<NewJobRow, "owner" | "idempotencyKey">) =>
  `${owner} ${idempotencyKey}`;
