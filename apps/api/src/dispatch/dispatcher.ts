import { setTimeout as delay } from "node:timers/promises";
import type { KeyMode } from "@avatar/contract/api-keys";
import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { isDatabaseUnavailable } from "../db/unavailable.ts";
import { type Engine, EngineBusy, EngineError, type RunUsage } from "../engine/engine.ts";
import type { JobChanges } from "../jobs/job-changes.ts";
import { StorageUnavailable } from "../storage/object-store.ts";
import type { Events } from "../telemetry/events.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { RunBudget } from "./budget-gate-repository.ts";
import type { ClaimedRun } from "./claimed-run-repository.ts";
import { toEngineRun } from "./engine-run.ts";
import type { JobFailure } from "./failed-jobs.ts";
import { createLoop } from "./loop.ts";
import { createProgressWriter } from "./progress-writer.ts";
import { type RunRef, videoKey } from "./run-keys.ts";
import type { RunRepository } from "./run-repository.ts";
import type { CheckVideo, StoredVideo } from "./stored-video.ts";

interface Following {
  run: ClaimedRun;
  /** Ends the run. */
  abort: AbortController;
  /** Leaves it to another process. */
  letGo: AbortController;
  done: Promise<void>;
}

interface Deps {
  runs: RunRepository;
  /** Whose jobs it takes; another dispatcher takes the others. */
  mode: KeyMode;
  engine: Engine;
  checkVideo: CheckVideo;
  changes: JobChanges;
  now: () => Date;
  /** Names this process in leases. */
  replicaId: string;
  log: Logger;
  events: Events;
  options: DispatcherOptions;
}

export interface DispatcherOptions {
  /** At most so many runs at once: in this process, or on a remote engine from all processes. */
  maxRunsInFlight: number;
  /** A run not heard of for this long is lost; its process renews the lease four times as often. */
  leaseMs: number;
  /** How often to look for work without being told. */
  pollMs: number;
  startTimeoutMs: number;
  runTimeoutMs: (audioSeconds: number) => number;
  queueTimeoutMs: number;
  /** Where runs cost money: what all together may cost, and a second at most. */
  budget: { service: RunBudget["service"]; pricePerSecond: number } | undefined;
  /** Runs of one job that may fail for a passing reason, and that may be lost with their process or for the store. */
  maxFailedRuns: number;
  maxLostRuns: number;
}

const LOST_BATCH = 100;
const RETRY_MS = 60_000;
const LINKS_MARGIN_MS = 60_000;
/** A job that is given back gets at least so long to be taken again. */
const MIN_QUEUE_MS = 60_000;
/** Runs that are not given back in this time are taken up when their leases run out. */
const STOPPING_RETRY_MS = 3000;

/** Moves jobs from the queue to the engine and their outcome back. One loop in every replica; leases keep them apart. */
export function createDispatcher(deps: Deps) {
  const { runs, mode, engine, checkVideo, changes, now, replicaId, log, events, options } = deps;
  const inFlight = new Map<string, Following>();
  const stopping = new AbortController();
  const logFailed = (what: string) => (error: unknown) => {
    const level = isDatabaseUnavailable(error) ? "warn" : "error";
    log[level]({ err: error }, `${what} failed; it is tried again`);
  };
  const claiming = createLoop(options.pollMs, claim, logFailed("claiming jobs"));
  const renewing = createLoop(options.leaseMs / 4, renew, logFailed("renewing leases"));
  const reaping = createLoop(options.pollMs, reap, logFailed("reaping lost runs"));
  let loops: Promise<unknown> | undefined;
  let reapedAtMs = performance.now();
  let spareUntilMs = 0;
  let retryUntilMs = Number.POSITIVE_INFINITY;

  const after = (ms: number) => new Date(now().getTime() + ms);
  const budget = options.budget && {
    service: options.budget.service,
    maxUsd: (audioSeconds: number) =>
      ((options.startTimeoutMs + options.runTimeoutMs(audioSeconds)) / 1000) *
      (options.budget?.pricePerSecond ?? 0),
  };
  /** A worker may take a run at the end of its time to start, and load its models for as long again. */
  const linksUntil = (audioSeconds: number) =>
    after(2 * options.startTimeoutMs + options.runTimeoutMs(audioSeconds) + LINKS_MARGIN_MS);

  async function claim(): Promise<void> {
    const free = options.maxRunsInFlight - inFlight.size;
    if (free <= 0) return;
    const { claimed, refused } = await runs.claim(free, replicaId, options.leaseMs, {
      now: now(),
      mode,
      startBy: after(options.startTimeoutMs),
      engine: engine.name,
      linksUntil: engine.isRemote ? linksUntil : undefined,
      maxOpen: engine.isRemote ? options.maxRunsInFlight : undefined,
      budget,
    });
    for (const jobId of refused) events.jobRefused(jobId);
    changes.publish(...refused, ...claimed.map((run) => run.jobId));
    for (const run of claimed) launch(run);
  }

  function launch(run: ClaimedRun, abort = new AbortController()): void {
    const letGo = new AbortController();
    const done = events
      .following(run, () => follow(run, abort.signal, letGo.signal))
      .catch((error) => log.error({ err: error, runId: run.runId }, "the outcome of a run was not stored"))
      .finally(() => {
        inFlight.delete(run.runId);
        claiming.wake();
      });
    inFlight.set(run.runId, { run, abort, letGo, done });
  }

  /** Renders one run and stores what came of it. */
  async function follow(run: ClaimedRun, signal: AbortSignal, letGo: AbortSignal): Promise<void> {
    const startedMs = performance.now();
    const { audioSeconds } = run.job;
    const writer = createProgressWriter((fraction) =>
      runs.progress(run, fraction, now(), after(options.runTimeoutMs(audioSeconds))).then((held) => {
        if (held) changes.publish(run.jobId);
      }),
    );
    let usage: RunUsage | undefined;
    let isCold = false;
    let isRendering = run.resumed !== undefined;
    let video: StoredVideo;
    try {
      await engine.render(toEngineRun(run, options), {
        signal,
        letGo,
        onProgress(fraction) {
          if (!isRendering) events.runRenders(run);
          isRendering = true;
          writer.write(fraction);
        },
        onCold() {
          if (isCold) return;
          isCold = true;
          if (!run.job.cold) events.runCold();
          runs.setCold(run, now()).then(
            (isNew) => isNew && changes.publish(run.jobId),
            (error) => log.warn({ runId: run.runId, err: error }, "that a start is cold was not stored"),
          );
        },
        onBegun() {
          retry(() => runs.setBegun(run, now(), after(options.startTimeoutMs))).catch((error: unknown) => {
            log.warn({ runId: run.runId, err: error }, "that a run has begun was not stored");
          });
        },
        onSubmitted: (externalId) => retry(() => runs.setExternalId(run.runId, externalId)),
        onUsage(used) {
          usage = used;
        },
      });
      // A video that was paid for is not rendered anew because the store is away.
      video = await whileAway(AbortSignal.any([signal, letGo]), () =>
        checkVideo(videoKey(run), audioSeconds),
      );
    } catch (error) {
      await writer.settled();
      if (letGo.aborted) return;
      if (stopping.signal.aborted && !engine.isRemote) await release(run, "the server stopped", MIN_QUEUE_MS);
      else if (signal.aborted) await abandon(run, usage);
      else if (error instanceof EngineBusy) await release(run, error.message, 0, usage);
      else await fail(run, error, usage);
      changes.publish(run.jobId);
      return;
    }
    await writer.settled();
    // Where this fails, nobody knows whether it was stored; if not, the run is lost once its lease has run out.
    const time = now();
    const outcome = await retry(() => runs.succeed(run, videoKey(run), video, time, usage));
    changes.publish(run.jobId);
    events.runSucceeded(run, outcome, Math.round(performance.now() - startedMs), usage);
  }

  /** Nobody's fault: the job waits again, for as long as it would have waited anyway, and at least for `leastMs`. */
  async function release(run: ClaimedRun, reason: string, leastMs: number, usage?: RunUsage): Promise<void> {
    const time = now();
    const queuedUntil = Math.max(
      run.job.createdAt.getTime() + options.queueTimeoutMs,
      time.getTime() + leastMs,
    );
    const end = { outcome: "released" as const, reason, now: time, usage };
    if (await retry(() => runs.requeue(run, end, time, new Date(queuedUntil))))
      events.runReleased(run, reason, usage);
  }

  async function abandon(run: ClaimedRun, usage: RunUsage | undefined): Promise<void> {
    const time = now();
    if (await retry(() => runs.abandon(run.runId, time, usage))) events.runAbandoned(run, usage);
  }

  async function fail(run: ClaimedRun, error: unknown, usage: RunUsage | undefined): Promise<void> {
    const known = error instanceof EngineError;
    const failure: JobFailure = known ? { code: error.code, detail: error.message } : failureOf(error);
    const { code } = failure;
    const { retryable } = ERRORS[code];
    const isAway = isPatient(code, usage?.billedSeconds);
    const ended = await retry(() => runs.listEnded(run.jobId));
    const failed = ended.filter(({ outcome }) => outcome === "failed");
    const earlier = failed.filter((each) => isPatient(each.code, each.billedSeconds) === isAway).length;
    const isLast = earlier + 1 >= (isAway ? options.maxLostRuns : options.maxFailedRuns);
    const again = retryable && !(known && error.isFinal) && !isLast;
    const end = { outcome: "failed" as const, code, reason: reasonOf(error), now: now(), usage };
    const waitMs = backoffMs(earlier);
    const isMine = await retry(() =>
      again
        ? runs.requeue(run, end, after(waitMs), after(waitMs + options.queueTimeoutMs))
        : runs.fail(run, end, failure),
    );
    const next = again ? "retry" : known && !retryable ? "refusal" : "failure";
    if (isMine) events.runFailed(run, { code, error, next }, usage);
  }

  /** Picks up runs whose process died, and jobs that have been in one state for too long. */
  async function reap(): Promise<void> {
    // After an outage the leases of living processes have run out, too: they get the time to renew them.
    const time = performance.now();
    if (time - reapedAtMs > options.pollMs + options.leaseMs / 2) spareUntilMs = time + options.leaseMs;
    if (time >= spareUntilMs) await reapLost();
    const overdue = await runs.failOverdue(mode, now());
    for (const { jobId, code } of overdue) events.jobOverdue(jobId, code);
    changes.publish(...overdue.map(({ jobId }) => jobId));
    reapedAtMs = performance.now();
  }

  const lostNow = () => ({ outcome: "lost" as const, reason: "its lease ran out", now: now() });

  async function reapLost(): Promise<void> {
    const { lost, over, adopted } = await runs.atomically(async (tx) => {
      const unfollowed = await tx.lockUnfollowed(mode, LOST_BATCH);
      // Remote runs go on; those of canceled jobs are taken up, too, to be ended.
      const living = unfollowed.filter((run) => engine.isRemote && run.engine === engine.name);
      const adopted = await tx.adopt(
        living.map((run) => run.runId),
        replicaId,
        options.leaseMs,
      );
      const lost: typeof unfollowed = [];
      const over: typeof unfollowed = [];
      for (const run of unfollowed.filter((each) => !living.includes(each))) {
        const ended = run.jobWaits ? await tx.listEnded(run.jobId) : [];
        const earlier = ended.filter(({ outcome }) => outcome === "lost").length;
        const isOver = run.jobWaits && earlier + 1 >= options.maxLostRuns;
        (isOver ? over : lost).push(run);
        if (!run.jobWaits) await tx.abandon(run.runId, now());
        else if (!isOver) await tx.requeue(run, lostNow(), now(), after(options.queueTimeoutMs));
      }
      return { lost, over, adopted: adopted.map((run) => ({ run, jobWaits: waits(living, run) })) };
    });
    // Each by itself: a failure is counted for its key, which others wait for, and may hold what the next one needs.
    for (const run of over) {
      const failure: JobFailure = { code: "run_lost", detail: `${options.maxLostRuns} runs were lost.` };
      if (await runs.fail(run, lostNow(), failure)) events.runLost(run, true);
    }
    for (const { run, jobWaits } of adopted) {
      const abort = new AbortController();
      if (!jobWaits) abort.abort();
      if (!inFlight.has(run.runId)) launch(run, abort);
    }
    for (const run of lost) run.jobWaits ? events.runLost(run, false) : events.runAbandoned(run);
    changes.publish(...[...lost, ...over].map((run) => run.jobId));
  }

  /**
   * Keeps this process's runs, stops those that may no longer change their job, canceled or overdue, and lets go of those
   * that were taken over.
   */
  async function renew(): Promise<void> {
    // A run that is claimed in the meantime is not among the answers, and not to be stopped.
    const asked = [...inFlight];
    if (asked.length === 0) return;
    const runIds = asked.map(([runId]) => runId);
    const { own, held } = await runs.renewLeases(runIds, replicaId, options.leaseMs);
    for (const [runId, { abort, letGo }] of asked) {
      if (engine.isRemote && !own.includes(runId)) letGo.abort();
      else if (!held.includes(runId)) abort.abort();
    }
  }

  /** An outcome is worth waiting for the database to come back, but not for long when the server stops. */
  async function retry<T>(work: () => Promise<T>): Promise<T> {
    const untilMs = performance.now() + RETRY_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const isLate = performance.now() > Math.min(untilMs, retryUntilMs);
        if (isLate || !isDatabaseUnavailable(error)) throw error;
        await delay(Math.min(50 * 2 ** attempt, 1000));
      }
    }
  }

  /** Waits for the store to come back. */
  async function whileAway<T>(stop: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StorageUnavailable) || stop.aborted) throw error;
        await delay(backoffMs(attempt), undefined, { signal: stop }).catch(() => {}); // The last try tells.
      }
    }
  }

  return {
    start(): void {
      changes.onAny((jobId) => {
        for (const { run } of inFlight.values()) {
          if (run.jobId !== jobId) continue;
          renewing.wake();
          engine.look?.(run.runId);
        }
      });
      loops = Promise.all([claiming, renewing, reaping].map((loop) => loop.run(stopping.signal)));
    },

    /** There is a new job. */
    wake: claiming.wake,

    /** Puts the runs of this process back into the queue; remote ones are left to whoever comes next. */
    async stop(): Promise<void> {
      stopping.abort();
      retryUntilMs = performance.now() + STOPPING_RETRY_MS;
      await loops;
      const running = [...inFlight.values()];
      for (const { abort, letGo } of running) (engine.isRemote ? letGo : abort).abort();
      await Promise.all(running.map(({ done }) => done));
      const left = running.map(({ run }) => run.runId);
      if (engine.isRemote && left.length > 0) await retry(() => runs.handOver(left, replicaId));
    },
  };
}

const AWAY: readonly ErrorCode[] = ["storage_unavailable", "engine_unavailable"];

/** A store or an engine that is away says nothing about the job: it gets the time to come back, unless that costs money. */
const isPatient = (code: ErrorCode | null, billedSeconds = 0) =>
  code !== null && AWAY.includes(code) && billedSeconds === 0;

const waits = (living: (RunRef & { jobWaits: boolean })[], run: RunRef) =>
  living.some(({ runId, jobWaits }) => runId === run.runId && jobWaits);

/** For the operator. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

function failureOf(error: unknown): JobFailure {
  const code = error instanceof StorageUnavailable ? "storage_unavailable" : "render_failed";
  return { code, detail: `${ERRORS[code].title}.` };
}

/** 1 s, 4 s, 16 s, and then 30 s, with jitter. */
const backoffMs = (failedBefore: number) =>
  Math.min(1000 * 4 ** failedBefore, 30_000) * (0.5 + Math.random() / 2);
