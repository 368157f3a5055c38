import { join } from "node:path";
import { createApiKeyRepository } from "./api-keys/api-key-repository.ts";
import { createApiKeyService } from "./api-keys/api-key-service.ts";
import type { Config } from "./config.ts";
import { openDatabase } from "./db/client.ts";
import { createDispatcher, type DispatcherOptions } from "./dispatch/dispatcher.ts";
import { createRunRepository } from "./dispatch/run-repository.ts";
import type { Engine } from "./engine/engine.ts";
import { createPreviewEngine } from "./engine/preview-engine.ts";
import { createServer } from "./http/server.ts";
import { newId } from "./ids.ts";
import { createJobChanges } from "./jobs/job-changes.ts";
import { createJobRepository } from "./jobs/job-repository.ts";
import { createJobService } from "./jobs/job-service.ts";
import { createRetention } from "./retention/retention.ts";
import { createRetentionRepository } from "./retention/retention-repository.ts";
import { orStartError } from "./start-error.ts";
import { createDiskObjectStore, type DiskObjectStore } from "./storage/disk-object-store.ts";
import type { ObjectStore } from "./storage/object-store.ts";
import { joinProcesses } from "./storage/processes.ts";
import { loadSigningSecret } from "./storage/signed-links.ts";
import { createLogger, type Logger } from "./telemetry/logger.ts";
import { createUploadRepository } from "./uploads/upload-repository.ts";
import { createUploadService } from "./uploads/upload-service.ts";

/** Parts that a test or another main may replace. */
export interface Overrides {
  log?: Logger;
  now?: () => Date;
  openDatabase?: typeof openDatabase;
  createJobChanges?: typeof createJobChanges;
  wrapStore?: (store: DiskObjectStore) => DiskObjectStore;
  createEngine?: (store: ObjectStore) => Engine | Promise<Engine>;
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

/** Builds, connects and starts all parts. What it had opened is closed again if that fails. */
export async function startApp(config: Config, overrides: Overrides = {}): Promise<App> {
  const { log = createLogger(config.logLevel), now = () => new Date() } = overrides;
  const opened: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const close of opened.splice(0).reverse()) await close();
  };
  try {
    let listeningUrl = "";
    const publicUrl = () => config.publicBaseUrl ?? listeningUrl;

    const database = await orStartError(
      `${"url" in config.database ? "DATABASE_URL" : "DATA_DIR"}: cannot open the database`,
      () => (overrides.openDatabase ?? openDatabase)(config.database),
    );
    opened.push(database.close);
    const { db } = database;

    const previewDirectory = join(config.dataDir, "preview");
    const { processes, store } = await orStartError(`DATA_DIR: cannot use ${config.dataDir}`, async () => {
      const processes = await joinProcesses(config.dataDir, newId);
      opened.push(processes.leave);
      await processes.clear(previewDirectory);
      const diskStore = createDiskObjectStore({
        directory: config.dataDir,
        publicUrl,
        signingSecret: await loadSigningSecret(config.dataDir),
        now,
        processes,
      });
      const store = overrides.wrapStore?.(diskStore) ?? diskStore;
      await store.start();
      return { processes, store };
    });

    const changes = (overrides.createJobChanges ?? createJobChanges)({ database, log });
    await changes.start();
    opened.push(changes.stop);

    const createEngine =
      overrides.createEngine ??
      (() =>
        createPreviewEngine({
          store,
          tempDirectory: join(previewDirectory, processes.id),
          encoder: config.previewEncoder,
          ffmpegPath: config.ffmpegPath,
          log,
        }));
    const engine = await createEngine(store);
    opened.push(engine.stop);

    const dispatcher = createDispatcher({
      runs: createRunRepository(db, newId),
      engine,
      changes,
      now,
      replicaId: processes.id,
      log,
      options: {
        maxRunsInFlight: config.maxRunsInFlight,
        leaseMs: 4000,
        pollMs: 1000,
        startTimeoutMs: 600_000,
        runTimeoutMs: (audioSeconds) => 120_000 + audioSeconds * 60_000,
        queueTimeoutMs: config.queueTimeoutMs,
        maxFailedRuns: 3,
        maxLostRuns: 20,
        ...overrides.dispatcher,
      },
    });

    const retention = createRetention({
      retention: createRetentionRepository(db),
      store,
      changes,
      now,
      log,
    });
    const apiKeys = createApiKeyService({ apiKeys: createApiKeyRepository(db), now, newId });
    const uploads = createUploadService({ uploads: createUploadRepository(db), store, now, newId });
    const jobs = createJobService({
      jobs: createJobRepository(db),
      uploads,
      retention,
      store,
      changes,
      now,
      newId,
      wakeDispatcher: dispatcher.wake,
      queueTimeoutMs: config.queueTimeoutMs,
    });

    const server = createServer({
      services: { apiKeys, jobs, uploads },
      store,
      isReady: () => apiKeys.hasAny(),
      publicUrl,
      newId,
      log,
    });

    if (config.bootstrapApiKey) await apiKeys.accept(config.bootstrapApiKey);
    dispatcher.start();
    opened.push(dispatcher.stop);
    retention.start();
    opened.push(retention.stop);
    opened.push(async () => {
      changes.releaseWaiters();
      await server.close();
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
