import { EventEmitter } from "node:events";
import { Ledger } from "./ledger.ts";

export type JobStatus = "IN_QUEUE" | "IN_PROGRESS" | "COMPLETED" | "FAILED" | "CANCELLED" | "TIMED_OUT";

/** A job as RunPod knows it. Times are in milliseconds. */
export interface Job {
  id: string;
  input: unknown;
  webhook: string | undefined;
  executionTimeoutMs: number;
  status: JobStatus;
  queuedAtMs: number;
  startedAtMs: number | undefined;
  endedAtMs: number | undefined;
  workerId: string | undefined;
  output: unknown;
  error: string | undefined;
  /** How often it was given to a worker. */
  deliveries: number;
  /** It has waited for as long as the queue delay: a worker of its own wakes for it. */
  isLate: boolean;
}

/** A process that takes jobs over HTTP. */
export interface WorkerProcess {
  /** Resolves once it is gone, however it went. */
  exited: Promise<void>;
  /** As a container is stopped: asked first. */
  stop(): void;
  /** As a machine is lost. */
  kill(): void;
}

export interface PlatformOptions {
  workersMax: number;
  /** Waking a machine and its image, which is not billed. */
  initializeMs: number;
  /** A worker without a job lives so much longer. */
  idleTimeoutMs: number;
  /** A worker that is asked to stop may take so long. */
  stopGraceMs: number;
  /** Further workers wake when a job has waited for so long. The first one wakes at once. */
  queueDelayMs: number;
  /** How long the result of a job can be asked for. */
  retentionMs: number;
  /** What becomes of the job of a worker that dies. */
  whenWorkerDies: "requeue" | "fail";
  spawn(workerId: string): WorkerProcess;
  nowMs(): number;
  newId(): string;
}

export interface Worker {
  id: string;
  state: "initializing" | "starting" | "idle" | "running" | "stopping";
  process: WorkerProcess | undefined;
  job: Job | undefined;
  /** Jobs that it is to stop and was not told of. */
  stops: string[];
  /** Set where the job asked for another worker after it. */
  isSpent: boolean;
  idleTimer: NodeJS.Timeout | undefined;
}

const ENDED: readonly JobStatus[] = ["COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"];
/** Workers that die before they take a job come back so much later. */
const CRASH_BACKOFF_MS = 1000;
const MAX_DELIVERIES = 3;

interface Events {
  /** A worker may have something to take. */
  queued: [];
  /** A worker may have a job to stop. */
  stopJob: [];
  taken: [job: Job];
  progress: [job: Job];
  ended: [job: Job];
  workerGone: [workerId: string];
}

/** The queue, the workers and the bill of one endpoint. */
export class Platform extends EventEmitter<Events> {
  readonly jobs = new Map<string, Job>();
  readonly workers = new Map<string, Worker>();
  readonly ledger: Ledger;
  /** Workers that cannot wake, for want of GPUs. */
  isThrottled = false;
  /** Workers that died before they took a job. */
  crashed = 0;
  retried = 0;
  readonly #options: PlatformOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  #workersMax: number;
  #isStopped = false;

  constructor(options: PlatformOptions) {
    super();
    this.setMaxListeners(0);
    this.#options = options;
    this.#workersMax = options.workersMax;
    this.ledger = new Ledger(options.nowMs);
  }

  submit(input: unknown, options: { webhook?: string; executionTimeoutMs: number; ttlMs: number }): Job {
    const job: Job = {
      id: this.#options.newId(),
      input,
      webhook: options.webhook,
      executionTimeoutMs: options.executionTimeoutMs,
      status: "IN_QUEUE",
      queuedAtMs: this.#options.nowMs(),
      startedAtMs: undefined,
      endedAtMs: undefined,
      workerId: undefined,
      output: undefined,
      error: undefined,
      deliveries: 0,
      isLate: false,
    };
    this.jobs.set(job.id, job);
    this.#after(options.ttlMs, () => this.forget(job.id));
    // Not by the clock: a timer may fire up to a millisecond before its time.
    this.#after(this.#options.queueDelayMs, () => {
      job.isLate = true;
      this.#scale();
    });
    this.emit("queued");
    this.#scale();
    return job;
  }

  /** The oldest job of the queue, for this worker. */
  take(workerId: string): Job | undefined {
    const worker = this.workers.get(workerId);
    if (!worker || worker.state === "stopping" || worker.job) return undefined;
    if (worker.state === "starting") this.#rest(worker);
    const job = this.#queue()[0];
    if (!job) return undefined;
    clearTimeout(worker.idleTimer);
    worker.state = "running";
    worker.job = job;
    job.status = "IN_PROGRESS";
    job.startedAtMs = this.#options.nowMs();
    job.workerId = workerId;
    job.deliveries++;
    const { deliveries } = job;
    this.#after(job.executionTimeoutMs, () => {
      if (job.status === "IN_PROGRESS" && job.deliveries === deliveries) this.#interrupt(job, "TIMED_OUT");
    });
    this.emit("taken", job);
    return job;
  }

  progress(workerId: string, jobId: string, output: unknown): void {
    const job = this.jobs.get(jobId);
    if (job?.status !== "IN_PROGRESS" || job.workerId !== workerId) return;
    job.output = output;
    this.emit("progress", job);
  }

  /** What a worker says of its job. Of a job that it does not have, it changes nothing. */
  finish(
    workerId: string,
    jobId: string,
    result: { output?: unknown; error?: string; stopPod?: boolean },
  ): void {
    const worker = this.workers.get(workerId);
    const job = this.jobs.get(jobId);
    if (job?.status === "IN_PROGRESS" && job.workerId === workerId) {
      job.output = result.output;
      job.error = result.error;
      this.#end(job, result.error === undefined ? "COMPLETED" : "FAILED");
    }
    if (worker?.job?.id !== jobId) return;
    worker.isSpent = result.stopPod === true;
    this.#release(worker);
  }

  /** What the worker is to stop, if anything. */
  takeStops(workerId: string): string[] | undefined {
    const stops = this.workers.get(workerId)?.stops.splice(0) ?? [];
    return stops.length > 0 ? stops : undefined;
  }

  /** False where there is no such job. */
  cancel(jobId: string): boolean {
    const job = this.jobs.get(jobId);
    if (!job) return false;
    this.#interrupt(job, "CANCELLED");
    return true;
  }

  /** As its time is up: nobody can ask for it any more, and it ends if it runs. */
  forget(jobId: string): void {
    const job = this.jobs.get(jobId);
    if (!job) return;
    this.#interrupt(job, "TIMED_OUT");
    this.jobs.delete(jobId);
  }

  /** The machine is gone, and the connection with it. */
  killWorker(workerId: string): void {
    this.workers.get(workerId)?.process?.kill();
  }

  setWorkersMax(count: number): void {
    this.#workersMax = count;
    for (const worker of [...this.workers.values()].slice(count)) this.#stopWorker(worker);
    this.#scale();
  }

  throttle(isThrottled: boolean): void {
    this.isThrottled = isThrottled;
    this.#scale();
  }

  health() {
    const jobs = [...this.jobs.values()];
    const workers = [...this.workers.values()];
    const count = <T>(all: T[], is: (one: T) => boolean) => all.filter(is).length;
    const waking = (worker: Worker) => worker.state === "initializing" || worker.state === "starting";
    return {
      jobs: {
        completed: count(jobs, (job) => job.status === "COMPLETED"),
        failed: count(jobs, (job) => job.status === "FAILED"),
        inProgress: count(jobs, (job) => job.status === "IN_PROGRESS"),
        inQueue: count(jobs, (job) => job.status === "IN_QUEUE"),
        retried: this.retried,
      },
      workers: {
        idle: count(workers, (worker) => worker.state === "idle"),
        initializing: count(workers, waking),
        ready: count(workers, (worker) => worker.state === "idle"),
        running: count(workers, (worker) => worker.state === "running"),
        throttled: this.isThrottled ? this.#workersMax - workers.length : 0,
        unhealthy: this.crashed > 0 && !workers.some((worker) => worker.job) ? 1 : 0,
      },
    };
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    const workers = [...this.workers.values()];
    for (const worker of workers) {
      clearTimeout(worker.idleTimer);
      worker.process?.kill();
    }
    await Promise.all(workers.map((worker) => worker.process?.exited));
  }

  #queue(): Job[] {
    return [...this.jobs.values()].filter((job) => job.status === "IN_QUEUE");
  }

  #scale(): void {
    if (this.#isStopped || this.isThrottled) return;
    const waiting = this.#queue();
    const free = [...this.workers.values()].filter(
      (worker) => !worker.job && worker.state !== "stopping",
    ).length;
    const isFirst = this.workers.size === 0;
    const wanted = waiting.filter((job, index) => (isFirst && index === 0) || job.isLate).length - free;
    const room = this.#workersMax - this.workers.size;
    for (let count = Math.min(wanted, room); count > 0; count--) this.#wake();
  }

  #wake(): void {
    const id = `worker-${this.#options.newId()}`;
    const worker: Worker = {
      id,
      state: "initializing",
      process: undefined,
      job: undefined,
      stops: [],
      isSpent: false,
      idleTimer: undefined,
    };
    this.workers.set(id, worker);
    this.#after(this.#options.initializeMs, () => {
      if (worker.state === "stopping") return;
      const closeBill = this.ledger.open(id);
      worker.state = "starting";
      worker.process = this.#options.spawn(id);
      void worker.process.exited.then(() => {
        closeBill();
        this.#gone(worker);
      });
    });
  }

  #rest(worker: Worker): void {
    if (worker.state === "stopping") return;
    this.crashed = 0;
    worker.state = "idle";
    worker.idleTimer = setTimeout(() => this.#stopWorker(worker), this.#options.idleTimeoutMs);
  }

  #release(worker: Worker): void {
    worker.job = undefined;
    if (worker.isSpent) this.#stopWorker(worker);
    else this.#rest(worker);
    this.emit("queued");
    this.#scale();
  }

  #stopWorker(worker: Worker): void {
    if (worker.state === "stopping") return;
    worker.state = "stopping";
    clearTimeout(worker.idleTimer);
    worker.process?.stop();
    this.#after(this.#options.stopGraceMs, () => worker.process?.kill());
    if (!worker.process) this.#gone(worker);
  }

  #gone(worker: Worker): void {
    clearTimeout(worker.idleTimer);
    if (worker.state === "starting") this.crashed++;
    this.workers.delete(worker.id);
    const { job } = worker;
    if (job?.status === "IN_PROGRESS" && job.workerId === worker.id) {
      if (this.#options.whenWorkerDies === "requeue" && job.deliveries < MAX_DELIVERIES) {
        this.retried++;
        job.status = "IN_QUEUE";
        job.output = undefined;
        this.emit("queued");
      } else {
        job.error = "job timed out after 1 retries";
        this.#end(job, "FAILED");
      }
    }
    this.emit("workerGone", worker.id);
    this.#after(this.crashed > 0 ? CRASH_BACKOFF_MS : 0, () => this.#scale());
  }

  #interrupt(job: Job, status: "CANCELLED" | "TIMED_OUT"): void {
    if (ENDED.includes(job.status)) return;
    const worker = job.status === "IN_PROGRESS" ? this.workers.get(job.workerId ?? "") : undefined;
    this.#end(job, status);
    if (worker?.job !== job) return;
    worker.stops.push(job.id);
    this.emit("stopJob");
    // The worker says nothing of a job that was stopped: it takes the next one once it is done with it, or now if
    // it asks already.
    worker.job = undefined;
    this.#rest(worker);
    this.emit("queued");
  }

  #end(job: Job, status: JobStatus): void {
    job.status = status;
    job.endedAtMs = this.#options.nowMs();
    this.#after(this.#options.retentionMs, () => this.jobs.delete(job.id));
    this.emit("ended", job);
  }

  #after(ms: number, work: () => void): void {
    if (this.#isStopped) return;
    // Longer than that, a timer would fire at once.
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        work();
      },
      Math.min(ms, 2 ** 31 - 1),
    );
    timer.unref();
    this.#timers.add(timer);
  }
}
