import { readFile } from "node:fs/promises";
import { type CreateTRPCClient, createTRPCClient, httpBatchLink } from "@trpc/client";
import { pino } from "pino";
import { type App, type Overrides, startApp } from "../../src/app.ts";
import type { Config } from "../../src/config.ts";
import { type Db, openDatabase } from "../../src/db/client.ts";
import type { Router } from "../../src/trpc/router.ts";
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
  /** A request through the REST door; a plain object becomes JSON. */
  rest(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<RestAnswer>;
  trpc: CreateTRPCClient<Router>;
  /** Uploads the bytes and returns the id. */
  upload(contentType: string, bytes: Uint8Array): Promise<string>;
  /** Ids of an uploaded portrait and recording. */
  uploadFixtures(): Promise<{ image: string; audio: string }>;
  stop(): Promise<void>;
}

export interface RestAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  body: any;
}

export interface TestApiOptions extends Overrides {
  database?: TestDatabase;
  config?: Partial<Config>;
}

type Body = NonNullable<RequestInit["body"]>;

const media = new URL("../../../../examples/media/", import.meta.url);
export const PORTRAIT = await readFile(new URL("portrait.png", media));
export const SPEECH = await readFile(new URL("speech-3s.wav", media));

export const TEST_KEY = `avk_live_${"T".repeat(40)}`;

/** The whole API on a real socket and a real database, with an engine that does what it is told. */
export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const { database = await createTestDatabase(), config, ...overrides } = options;
  let aheadMs = 0;
  let engine: ScriptedEngine | undefined;
  let db: Db | undefined;
  const logs: string[] = [];
  const app: App = await startApp(
    {
      host: "127.0.0.1",
      port: 0,
      publicBaseUrl: undefined,
      dataDir: database.dataDir,
      database: database.config,
      bootstrapApiKey: TEST_KEY,
      logLevel: "debug",
      previewEncoder: "auto",
      ffmpegPath: undefined,
      maxRunsInFlight: 2,
      queueTimeoutMs: 3_600_000,
      ...config,
    },
    {
      log: pino({ level: "debug", base: null }, { write: (line: string) => void logs.push(line) }),
      now: () => new Date(Date.now() + aheadMs),
      createEngine: (store) => {
        engine = createScriptedEngine(store);
        return engine;
      },
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

  async function rest(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const isJson =
      typeof body === "object" && body !== null && !(body instanceof FormData || body instanceof Uint8Array);
    const response = await fetch(new URL(path, app.url), {
      method,
      headers: { authorization, ...(isJson && { "content-type": "application/json" }), ...headers },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as Body) }),
    });
    const text = await response.text();
    const isJsonAnswer = response.headers.get("content-type")?.includes("json");
    return {
      status: response.status,
      headers: response.headers,
      body: isJsonAnswer ? JSON.parse(text) : text,
    };
  }

  async function upload(contentType: string, bytes: Uint8Array): Promise<string> {
    const { body } = await rest("POST", "/v1/uploads", { contentType, bytes: bytes.length });
    const put = await fetch(body.url, { method: "PUT", headers: body.headers, body: bytes as Body });
    if (!put.ok) throw new Error(`the upload was refused: ${put.status} ${await put.text()}`);
    return body.id;
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
      aheadMs += ms;
    },
    rest,
    trpc: createTRPCClient<Router>({
      links: [httpBatchLink({ url: `${app.url}/trpc`, headers: { authorization } })],
    }),
    upload,
    uploadFixtures: async () => ({
      image: await upload("image/png", PORTRAIT),
      audio: await upload("audio/wav", SPEECH),
    }),
    async stop() {
      await app.stop();
      if (!options.database) await database.remove();
    },
  };
}
