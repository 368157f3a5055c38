import { withChecksum } from "@avatar/contract/api-keys";
import { LIMITS } from "@avatar/contract/limits";
import { type CreateTRPCClient, createTRPCClient, httpBatchLink } from "@trpc/client";
import { type App, type Overrides, startApp } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import { type Db, openDatabase } from "../../src/db/client.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { createLogger } from "../../src/telemetry/logger.ts";
import type { Router } from "../../src/trpc/router.ts";
import { expectNoSecrets } from "./expect-no-secrets.ts";
import { uploadFixtures } from "./fixtures.ts";
import { createRest, type Rest, uploadFile } from "./rest.ts";
import { createScriptedEngine, type ScriptedEngine } from "./scripted-engine.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

export interface TestApi {
  url: string;
  apiKey: string;
  engine: ScriptedEngine;
  database: TestDatabase;
  /** The server's own connection, to look at rows and to make some. */
  db: Db;
  /** Everything that was logged, as lines. */
  logs: string[];
  /** Moves the server's clock forward. */
  advance(ms: number): void;
  rest: Rest;
  trpc: CreateTRPCClient<Router>;
  /** Uploads the bytes and returns the id. */
  upload(contentType: string, bytes: Uint8Array): Promise<string>;
  /** Ids of an uploaded portrait and recording. */
  uploadFixtures(): Promise<{ image: string; audio: string }>;
  /** Lines of its metrics that begin with one of these, without comments. */
  metrics(...names: string[]): Promise<string[]>;
  /** Looks at its metrics before, for secrets. */
  stop(): Promise<void>;
  /** Has begun to stop when this returns. */
  stopAtOnce(): Promise<void>;
}

export interface TestApiOptions extends Overrides {
  database?: TestDatabase;
  config?: Partial<Config>;
}

export const TEST_KEY = withChecksum(`avk_live_${"T".repeat(34)}`);

export const METRICS_TOKEN = `metrics-${"M".repeat(32)}`;

/** The whole API on a real socket and a real database, with an engine that does what it is told. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { database = await createTestDatabase(), config, ...overrides } = options;
  let engine: ScriptedEngine | undefined;
  let db: Db | undefined;
  const logs: string[] = [];
  const app: App = await startApp(
    {
      host: "127.0.0.1",
      port: 0,
      publicBaseUrl: undefined,
      trustedProxies: undefined,
      dataDir: database.dataDir,
      database: database.config,
      bootstrapApiKey: TEST_KEY,
      metricsToken: METRICS_TOKEN,
      tracing: undefined,
      logLevel: "debug",
      previewEncoder: "auto",
      ffmpegPath: undefined,
      maxRunsInFlight: 2,
      queueTimeoutMs: 3_600_000,
      videoTtlSeconds: LIMITS.videoTtlSeconds.default,
      runpod: undefined,
      gpuPrices: { "NVIDIA L40S": 0.00053 },
      keepAliveMs: undefined,
      startTimeoutMs: 600_000,
      runSecondsPerAudioSecond: 60,
      r2: database.r2,
      inputLimits: LIMITS,
      keyLimits: {},
      budget: { usdPerDay: undefined, usdPerMonth: undefined, warnShares: [] },
      corsOrigins: [],
      ...config,
    },
    {
      log: createLogger("debug", { write: (line: string) => void logs.push(line) }),
      now: () => new Date(Date.now() + database.clock.aheadMs),
      ...(!config?.runpod && {
        createEngine: (store: ObjectStore) => {
          engine = createScriptedEngine(store);
          return engine;
        },
      }),
      // Finds nothing wrong, at once.
      checkInputs: async ({ audioSeconds }) => ({ faults: [], audibleSeconds: audioSeconds }),
      ...overrides,
      openDatabase: async (databaseConfig) => {
        const opened = await (overrides.openDatabase ?? openDatabase)(databaseConfig);
        db = opened.db;
        return opened;
      },
      dispatcher: { pollMs: 100, leaseMs: 1000, ...overrides.dispatcher },
    },
  );
  const authorization = `Bearer ${TEST_KEY}`;

  const rest = createRest(app.url, TEST_KEY);

  async function stopAtOnce(counted = ""): Promise<void> {
    await app.stop();
    expectNoSecrets([...logs, counted].join("\n"), [METRICS_TOKEN, database.r2?.secretAccessKey]);
    if (!options.database) await database.remove();
  }

  async function readMetrics(): Promise<string> {
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
    return (await fetch(`${app.url}/metrics`, { headers })).text();
  }

  return {
    url: app.url,
    apiKey: TEST_KEY,
    get engine() {
      if (!engine) throw new Error("this test API was given another engine");
      return engine;
    },
    database,
    get db() {
      if (!db) throw new Error("the API opened no database");
      return db;
    },
    logs,
    advance: (ms) => {
      database.clock.aheadMs += ms;
    },
    rest,
    trpc: createTRPCClient<Router>({
      links: [httpBatchLink({ url: `${app.url}/trpc`, headers: { authorization } })],
    }),
    upload: (contentType, bytes) => uploadFile(rest, contentType, bytes),
    uploadFixtures: () => uploadFixtures(rest),
    async metrics(...names) {
      return (await readMetrics()).split("\n").filter((line) => names.some((name) => line.startsWith(name)));
    },
    // Some have stopped already, or have lost what they need to answer.
    stop: async () => stopAtOnce(await readMetrics().catch(() => "")),
    stopAtOnce: () => stopAtOnce(),
  };
}
