import { join } from "node:path";
import type { KeyMode } from "@avatar/contract/api-keys";
import { LIMITS } from "@avatar/contract/limits";
import { createApiKeyRepository } from "./api-keys/api-key-repository.ts";
import { createApiKeyService } from "./api-keys/api-key-service.ts";
import { budgetLeft } from "./budget/budget-left.ts";
import { createBudgetRepository } from "./budget/budget-repository.ts";
import { createBudgetWarnings } from "./budget/budget-warnings.ts";
import type { Config } from "./config.ts";
import { openDatabase } from "./db/client.ts";
import { LOCKS } from "./db/locks.ts";
import { createDispatcher, type DispatcherOptions } from "./dispatch/dispatcher.ts";
import { createRunRepository } from "./dispatch/run-repository.ts";
import { createVideoCheck } from "./dispatch/stored-video.ts";
import type { Engine } from "./engine/engine.ts";
import { type CheckInputs, createInputCheck } from "./engine/input-check.ts";
import { createPreviewEngine } from "./engine/preview-engine.ts";
import { createKeepAlive } from "./engine/runpod/keep-alive.ts";
import { createKeepAliveRepository } from "./engine/runpod/keep-alive-repository.ts";
import { createRunPodEngine } from "./engine/runpod/runpod-engine.ts";
import { createTestEngine } from "./engine/test-engine.ts";
import { createServer } from "./http/server.ts";
import type { LoadLimits } from "./http/shed-load.ts";
import type { TimeLimits } from "./http/slow-clients.ts";
import { newId } from "./ids.ts";
import { createAdmission } from "./jobs/admission.ts";
import { createAdmissionRepository } from "./jobs/admission-repository.ts";
import { createForesight } from "./jobs/foresight.ts";
import { createJobChanges } from "./jobs/job-changes.ts";
import { createJobRepository } from "./jobs/job-repository.ts";
import { createJobService } from "./jobs/job-service.ts";
import { toLimits } from "./limits/to-limits.ts";
import { createRequestLimiter } from "./rate-limits/request-limiter.ts";
import { createRequestWindowRepository } from "./rate-limits/request-window-repository.ts";
import { createRetention } from "./retention/retention.ts";
import { createRetentionRepository } from "./retention/retention-repository.ts";
import { orStartError } from "./start-error.ts";
import { createDiskObjectStore, type DiskObjectStore } from "./storage/disk-object-store.ts";
import type { ObjectStore } from "./storage/object-store.ts";
import { joinProcesses, type Processes } from "./storage/processes.ts";
import { loadSigningSecret } from "./storage/signed-links.ts";
import { createBudgetEvents } from "./telemetry/budget-events.ts";
import { createEvents, createKeyEvents } from "./telemetry/events.ts";
import { createJobEvents } from "./telemetry/job-events.ts";
import { createLogger, type Logger } from "./telemetry/logger.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { openTracing } from "./telemetry/open-tracing.ts";
import { createRequestEvents } from "./telemetry/request-events.ts";
import { createServiceStateRepository } from "./telemetry/service-state-repository.ts";
import { traceStore } from "./telemetry/trace-store.ts";
import type { Tracing } from "./telemetry/tracing.ts";
import { createUrlOpener, type OpenUrl } from "./uploads/open-url.ts";
import { createUploadRepository } from "./uploads/upload-repository.ts";
import { createUploadService } from "./uploads/upload-service.ts";
import { createUsageRepository } from "./usage/usage-repository.ts";
import { createUsageService } from "./usage/usage-service.ts";

/** Parts that a test or another main may replace. */
export interface Overrides {
  log?: Logger;
  now?: () => Date;
  openDatabase?: typeof openDatabase;
  createJobChanges?: typeof createJobChanges;
  wrapStore?: <S extends ObjectStore>(store: S) => S;
  createEngine?: (store: ObjectStore) => Engine | Promise<Engine>;
  /** How often a run at RunPod is asked about, how long an answer and a word of its worker is waited for. */
  runpod?: { pollMs?: number; answerMs?: number; silentMs?: number };
  /** How often is looked whether RunPod's endpoint is in use. */
  keepAliveEveryMs?: number;
  /** How often something is sent where nothing happens on a stream of events. */
  heartbeatMs?: number;
  openUrl?: OpenUrl;
  /** What a second of the live engine costs, in dollars. */
  gpuPricePerSecond?: number;
  loadLimits?: Partial<LoadLimits>;
  timeLimits?: Partial<TimeLimits>;
  checkInputs?: CheckInputs;
  dispatcher?: Partial<DispatcherOptions>;
}

export interface App {
  /** Where it listens, for example `http://127.0.0.1:8787`. */
  url: string;
  /** The key made at the first start, to be shown once. */
  firstApiKey: string | undefined;
  /** Finishes the requests at hand, puts running jobs back into the queue, and closes everything. */
  stop(): Promise<void>;
}

/** Most of them wait: as their requests ask, or for their turn to render. */
const MAX_TEST_RUNS = 20;
/** A quarter of an hour is what the longest recording takes, and more. */
const TEST_RUN_MS = LIMITS.testSeconds.max * 1000 + MAX_TEST_RUNS * 900_000;

/** With the time to start and to load, less than the week that RunPod and signed links can live. */
const MAX_RUN_MS = 4 * 24 * 3_600_000;

/** Builds, connects and starts all parts. What it had opened is closed again if that fails. */
export async function startApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const { log = createLogger(config.logLevel), now = () => new Date() } = overrides;
  const opened: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    const metrics = createMetrics();
    const tracing = await openTracing(config.tracing, log);
    opened.push(tracing.stop);
    let listeningUrl = "";
    const publicUrl = () => config.publicBaseUrl ?? listeningUrl;

    const database = await orStartError(
      `${"url" in config.database ? "DATABASE_URL" : "DATA_DIR"}: cannot open the database`,
      () => (overrides.openDatabase ?? openDatabase)(config.database),
    );
    opened.push(database.close);
    const { db } = database;

    const previewDirectory = join(config.dataDir, "preview");
    const { processes, store, diskStore } = await orStartError(
      `DATA_DIR: cannot use ${config.dataDir}`,
      async () => {
        const processes = await joinProcesses(config.dataDir, newId);
        opened.push(processes.leave);
        await processes.clear(previewDirectory);
        const stores = await openStores(config, { publicUrl, now, processes, tracing }, overrides);
        await stores.store.start();
        return { processes, ...stores };
      },
    );
    opened.push(store.stop);

    const changes = (overrides.createJobChanges ?? createJobChanges)({ database, log });
    await changes.start();
    opened.push(changes.stop);

    const runpod =
      config.runpod &&
      createRunPodEngine({
        config: config.runpod,
        store,
        publicUrl,
        pricePerSecond: (gpu) => priceOf(config.gpuPrices, gpu),
        onWorkers: metrics.setWorkers,
        now,
        log,
        ...overrides.runpod,
      });
    const local = overrides.createEngine
      ? await overrides.createEngine(store)
      : await createPreviewEngine({
          store,
          tempDirectory: join(previewDirectory, processes.id),
          encoder: config.previewEncoder,
          ffmpegPath: config.ffmpegPath,
          log,
        });
    opened.push(local.stop);
    const inputCheck = createInputCheck({
      store,
      tempDirectory: join(previewDirectory, `${processes.id}.checks`),
      encoder: config.previewEncoder,
      ffmpegPath: config.ffmpegPath,
      log,
    });
    const engine = runpod?.engine ?? local;
    if (runpod) opened.push(runpod.engine.stop);

    const gpuPricePerSecond =
      overrides.gpuPricePerSecond ?? (runpod && Math.max(...Object.values(config.gpuPrices)));
    const budgets = createBudgetRepository(db);
    const serviceState = createServiceStateRepository(db);
    if (config.metricsToken)
      metrics.watch({
        engine: engine.name,
        state: () => serviceState.read(now()),
        budget: () => budgetLeft(budgets, config.budget, now()),
        store: () => store.head("health/none"),
        workers: runpod?.workers,
        gpuPricePerSecond,
      });
    const budgetWarnings = createBudgetWarnings({
      budgets,
      budget: config.budget,
      defaultLimits: config.keyLimits,
      now,
      events: createBudgetEvents(log, metrics),
      log,
    });
    opened.push(budgetWarnings.stop);
    await budgetWarnings.start();

    const dispatcherFor = (mode: KeyMode, engine: Engine, options: Partial<DispatcherOptions>) =>
      createDispatcher({
        runs: createRunRepository(db, newId),
        mode,
        engine,
        checkVideo: createVideoCheck(store),
        changes,
        now,
        replicaId: processes.id,
        log,
        events: createEvents(
          { log, metrics, tracing },
          { engine: engine.name, mode, onBill: budgetWarnings.noteBill, now },
        ),
        options: {
          maxRunsInFlight: config.maxRunsInFlight,
          leaseMs: 4000,
          pollMs: 1000,
          startTimeoutMs: config.startTimeoutMs,
          runTimeoutMs: (audioSeconds) =>
            Math.min(120_000 + audioSeconds * config.runSecondsPerAudioSecond * 1000, MAX_RUN_MS),
          queueTimeoutMs: config.queueTimeoutMs,
          maxFailedRuns: 3,
          maxLostRuns: 20,
          budget: undefined,
          ...options,
          ...overrides.dispatcher,
        },
      });
    const dispatchers = {
      live: dispatcherFor("live", engine, {
        budget:
          gpuPricePerSecond === undefined
            ? undefined
            : { service: config.budget, pricePerSecond: gpuPricePerSecond },
      }),
      test: dispatcherFor("test", createTestEngine(local), {
        maxRunsInFlight: MAX_TEST_RUNS,
        startTimeoutMs: TEST_RUN_MS,
        runTimeoutMs: (audioSeconds) => TEST_RUN_MS + audioSeconds * 60_000,
      }),
    };

    const retention = createRetention({
      retention: createRetentionRepository(db),
      store,
      changes,
      exclusively: (work) => database.exclusively(LOCKS.sweep, work),
      now,
      log,
    });
    const limits = config.inputLimits;
    const apiKeys = createApiKeyService({
      apiKeys: createApiKeyRepository(db),
      defaultLimits: config.keyLimits,
      now,
      newId,
      events: createKeyEvents(log),
      log,
    });
    const uploads = createUploadService({
      uploads: createUploadRepository(db),
      store,
      openUrl: overrides.openUrl ?? createUrlOpener(),
      limits,
      now,
      newId,
    });
    const admission = { admissions: createAdmissionRepository(db), budget: config.budget, now };
    const foresight = createForesight(admission);
    const jobs = createJobService({
      jobs: createJobRepository(db),
      admit: createAdmission(admission),
      refusalOf: foresight.refusalOf,
      checkInputs: overrides.checkInputs ?? inputCheck.checkInputs,
      scalesToZero: engine.isRemote,
      uploads,
      retention,
      store,
      changes,
      now,
      newId,
      events: createJobEvents(log, metrics),
      wakeDispatcher: (mode) => dispatchers[mode].wake(),
      queueTimeoutMs: config.queueTimeoutMs,
      videoTtlSeconds: config.videoTtlSeconds,
      gpuPricePerSecond,
    });

    const server = createServer({
      services: {
        apiKeys,
        jobs,
        uploads,
        usage: createUsageService({ usage: createUsageRepository(db), leftOf: foresight.leftOf, now }),
        limits: toLimits(engine.name, limits, config.videoTtlSeconds),
      },
      requestLimiter: createRequestLimiter(createRequestWindowRepository(database.relaxed)),
      inputLimits: limits,
      diskStore,
      webhooks: runpod && { isFromRunPod: runpod.isFromRunPod, publish: changes.publish },
      isReady: () => apiKeys.hasAny(),
      metrics: config.metricsToken ? { metrics, token: config.metricsToken } : undefined,
      publicUrl,
      heartbeatMs: overrides.heartbeatMs ?? 15_000,
      trustedProxies: config.trustedProxies,
      loadLimits: overrides.loadLimits,
      timeLimits: overrides.timeLimits,
      corsOrigins: config.corsOrigins,
      newId,
      events: createRequestEvents(metrics),
      tracing,
      log,
    });

    if (config.bootstrapApiKey) await apiKeys.accept(config.bootstrapApiKey);
    apiKeys.start();
    opened.push(apiKeys.stop);
    for (const dispatcher of Object.values(dispatchers)) {
      dispatcher.start();
      opened.push(dispatcher.stop);
    }
    retention.start();
    opened.push(retention.stop);
    if (runpod && config.keepAliveMs !== undefined) {
      const keepAlive = createKeepAlive({
        keepAlives: createKeepAliveRepository(db),
        ping: runpod.ping,
        isAnswered: runpod.isAnswered,
        exclusively: (work) => database.exclusively(LOCKS.keepAlive, work),
        afterMs: config.keepAliveMs,
        now,
        log,
        ...(overrides.keepAliveEveryMs !== undefined && { everyMs: overrides.keepAliveEveryMs }),
      });
      keepAlive.start();
      opened.push(keepAlive.stop);
    }
    opened.push(async () => {
      changes.releaseWaiters();
      // Requests that wait for a check end with it.
      await Promise.all([server.close(), inputCheck.stop()]);
    });
    listeningUrl = await orStartError(`HOST, PORT: cannot listen on ${config.host}:${config.port}`, () =>
      server.listen({ host: config.host, port: config.port, backlog: 4096 }),
    );
    // Last of all: a key that is made and then not shown is lost.
    const firstApiKey = await apiKeys.makeFirst();
    return { url: listeningUrl, firstApiKey, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function priceOf(prices: Record<string, number>, gpu: string | undefined): number {
  return prices[gpu ?? ""] ?? Object.values(prices)[0] ?? 0;
}

async function openStores(
  { r2, dataDir: directory }: Config,
  { tracing, ...deps }: { publicUrl: () => string; now: () => Date; processes: Processes; tracing: Tracing },
  { wrapStore = (store) => store }: Overrides,
): Promise<{ store: ObjectStore; diskStore?: DiskObjectStore }> {
  if (r2) {
    // Its libraries take a while to load, and memory.
    const { createR2ObjectStore } = await import("./storage/r2-object-store.ts");
    return { store: traceStore(wrapStore(createR2ObjectStore({ config: r2, directory, ...deps })), tracing) };
  }
  const signingSecret = await loadSigningSecret(directory);
  const disk = wrapStore(createDiskObjectStore({ directory, signingSecret, ...deps }));
  const diskStore = traceStore(disk, tracing);
  return { store: diskStore, diskStore };
}
