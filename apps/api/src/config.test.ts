import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { withChecksum } from "@avatar/contract/api-keys";
import { LIMITS } from "@avatar/contract/limits";
import { describe, expect, test } from "vitest";
import { ConfigError, EnvSchema, parseConfig } from "./config.ts";

const R2 = {
  R2_ENDPOINT: "https://a.r2.example.com/",
  R2_BUCKET: "b",
  R2_ACCESS_KEY_ID: "k",
  R2_SECRET_ACCESS_KEY: "s",
};
const KEY = withChecksum(`avk_live_${"k".repeat(34)}`);
const NAMES = Object.keys(EnvSchema.shape);
const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

test("without variables the server is for this machine alone, with an embedded database", () => {
  expect(parseConfig({})).toEqual({
    host: "127.0.0.1",
    port: 8787,
    publicBaseUrl: undefined,
    trustedProxies: undefined,
    dataDir: resolve(".data"),
    database: { dataDir: resolve(".data") },
    bootstrapApiKey: undefined,
    metricsToken: undefined,
    logLevel: "info",
    previewEncoder: "auto",
    ffmpegPath: undefined,
    maxRunsInFlight: expect.any(Number),
    runpod: undefined,
    gpuPrices: expect.objectContaining({ "NVIDIA L40S": 0.00053 }),
    keepAliveMs: 48 * 3_600_000,
    runSecondsPerAudioSecond: 90,
    startTimeoutMs: 900_000,
    queueTimeoutMs: 6 * 3600 * 1000,
    videoTtlSeconds: 6 * 3600,
    r2: undefined,
    inputLimits: { image: LIMITS.image, audio: LIMITS.audio },
    keyLimits: { requestsPerMinute: 600, jobsInFlight: 100, jobsQueued: 100, gpuSecondsPerDay: undefined },
    budget: { usdPerDay: undefined, usdPerMonth: undefined, warnShares: [0.5, 0.8, 0.95] },
    corsOrigins: [],
  });
});

test.each([
  [{ DATABASE_URL: "postgres://u:p@db:5432/avatar" }, { database: { url: "postgres://u:p@db:5432/avatar" } }],
  [{ DATABASE_URL: "postgresql://db/avatar" }, { database: { url: "postgresql://db/avatar" } }],
  [{ DATA_DIR: "/data" }, { dataDir: "/data", database: { dataDir: "/data" } }],
  [{ PUBLIC_BASE_URL: "https://api.example.com/" }, { publicBaseUrl: "https://api.example.com" }],
  [{ PUBLIC_BASE_URL: "https://example.com/api//" }, { publicBaseUrl: "https://example.com/api" }],
  [{ TRUST_PROXY: "2" }, { trustedProxies: 2 }],
  [{ TRUST_PROXY: "10.0.0.0/8, ::1" }, { trustedProxies: ["10.0.0.0/8", "::1"] }],
  [{ PORT: "0" }, { port: 0 }],
  [{ MAX_RUNS_IN_FLIGHT: "7" }, { maxRunsInFlight: 7 }],
  [{ QUEUE_TIMEOUT_SECONDS: "90" }, { queueTimeoutMs: 90_000 }],
  [{ VIDEO_TTL_SECONDS: "3600" }, { videoTtlSeconds: 3600 }],
  [{ MAX_AUDIO_SECONDS: "30" }, { inputLimits: { audio: { ...LIMITS.audio, maxSeconds: 30 } } }],
  [R2, { r2: { endpoint: "https://a.r2.example.com", bucket: "b", accessKeyId: "k", secretAccessKey: "s" } }],
  [{ KEY_JOBS_QUEUED: "3" }, { keyLimits: { jobsQueued: 3 } }],
  [
    { BUDGET_USD_PER_DAY: "2.50", BUDGET_WARN_SHARES: ".5,1" },
    { budget: { usdPerDay: 2.5, warnShares: [0.5, 1] } },
  ],
  [
    { CORS_ORIGINS: "https://a.example.com, http://localhost:5173" },
    { corsOrigins: ["https://a.example.com", "http://localhost:5173"] },
  ],
  [{ BOOTSTRAP_API_KEY: KEY }, { bootstrapApiKey: KEY }],
])("%j is understood", (env, expected) => {
  expect(parseConfig(env)).toMatchObject(expected);
});

test("an empty variable counts as not set, and an unknown one does not matter", () => {
  const empty = Object.fromEntries(NAMES.map((name) => [name, ""]));
  expect(parseConfig({ ...empty, HOME: "/root" })).toEqual(parseConfig({}));
});

describe("mistakes", () => {
  const WRONG = {
    PORT: "65536",
    PUBLIC_BASE_URL: "ftp://secret.example.com",
    TRUST_PROXY: "secret",
    DATABASE_URL: "mysql://user:secret@db/avatar",
    BOOTSTRAP_API_KEY: "secret",
    LOG_LEVEL: "loud",
    METRICS_TOKEN: "secret",
    PREVIEW_ENCODER: "best",
    MAX_RUNS_IN_FLIGHT: "0",
    QUEUE_TIMEOUT_SECONDS: "-1",
    VIDEO_TTL_SECONDS: "59",
    R2_ENDPOINT: "secret",
    MAX_IMAGE_BYTES: "20M",
    MAX_IMAGE_PIXELS: "50000001",
    MAX_AUDIO_BYTES: "0",
    MAX_AUDIO_SECONDS: "36001",
    KEY_REQUESTS_PER_MINUTE: "0",
    KEY_JOBS_IN_FLIGHT: "many",
    KEY_JOBS_QUEUED: "-1",
    KEY_GPU_SECONDS_PER_DAY: "1.5",
    BUDGET_USD_PER_DAY: "$secret",
    BUDGET_USD_PER_MONTH: "-1",
    BUDGET_WARN_SHARES: "1.5",
    CORS_ORIGINS: "https://app.example.com/secret",
  };
  const message = (env: Record<string, string>) => {
    try {
      parseConfig(env);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      return String((error as Error).message);
    }
    return "";
  };

  test("are all listed at once, each on a line of its own that names its variable", () => {
    const [, ...lines] = message({ ...R2, ...WRONG }).split("\n");
    const named = lines.map(
      (line) => /^ {2}([A-Z0-9_]+): expected .*(for example|one of|makes one)/.exec(line)?.[1],
    );
    expect(named).toEqual(Object.keys(WRONG));
  });

  test("do not repeat what was given, which may be a secret", () => {
    expect(message(WRONG)).not.toContain("secret");
  });

  test.each([
    "*",
    "null",
    "app.example.com",
    "https://*.example.com",
    "https://app.example.com/",
    "https://App.example.com",
    "https://app.example.com:443",
    "https://a.example.com,",
    "ws://a.example.com",
    "https://user@a.example.com",
  ])("CORS_ORIGINS=%s is one", (CORS_ORIGINS) => {
    expect(message({ CORS_ORIGINS })).toContain("CORS_ORIGINS: expected origins");
  });

  test.each(["0.0.0.0", "0", "::", "0:0:0:0:0:0:0:0"])(
    "HOST=%s without the address that customers use is one",
    (HOST) => {
      expect(message({ HOST })).toContain("  PUBLIC_BASE_URL: needed with HOST=");
      expect(message({ HOST, PUBLIC_BASE_URL: "https://api.example.com" })).toBe("");
    },
  );

  test("a part of what R2 needs is one", () => {
    const { R2_BUCKET, ...others } = R2;
    expect(message(others)).toContain("  R2_BUCKET: needed with R2_ENDPOINT, ");
    const [, ...lines] = message({ R2_BUCKET }).split("\n");
    expect(lines.map((line) => /^ {2}(\w+): needed with R2_BUCKET; for example/.exec(line)?.[1])).toEqual([
      "R2_ENDPOINT",
      "R2_ACCESS_KEY_ID",
      "R2_SECRET_ACCESS_KEY",
    ]);
  });

  test("RunPod without its key, its endpoint or an address that it reaches is one", () => {
    const all = { ENGINE: "runpod", RUNPOD_API_KEY: "rpa_1", RUNPOD_ENDPOINT_ID: "ep1" };
    const PUBLIC_BASE_URL = "https://api.example.com";
    expect(message({ ENGINE: "runpod", PUBLIC_BASE_URL })).toContain(
      "  RUNPOD_API_KEY: needed with ENGINE=runpod; for example rpa_…\n  RUNPOD_ENDPOINT_ID: needed",
    );
    for (const url of [
      "",
      "http://api.example.com",
      "https://localhost",
      "https://localhost.",
      "https://127.0.0.1:8787",
      "https://127.1",
      "https://0.0.0.0",
      "https://10.0.0.1",
      "https://169.254.169.254",
      "https://[::1]",
      "https://[::ffff:127.0.0.1]",
    ])
      expect(message({ ...all, PUBLIC_BASE_URL: url })).toContain(
        "  PUBLIC_BASE_URL: needed with ENGINE=runpod",
      );
    expect(message({ ...all, PUBLIC_BASE_URL, RUNPOD_BASE_URL: "http://api.runpod.ai/v2" })).toContain(
      "  RUNPOD_BASE_URL: expected https",
    );
    expect(message({ GPU_PRICES: "{}" })).toContain("  GPU_PRICES: expected JSON");
    const { runpod, gpuPrices } = parseConfig({ ...all, PUBLIC_BASE_URL, GPU_PRICES: '{"A":0.001}' });
    expect(runpod).toEqual({ apiKey: "rpa_1", endpointId: "ep1", baseUrl: "https://api.runpod.ai/v2" });
    expect(gpuPrices).toEqual({ A: 0.001 });
    expect(parseConfig({ ...all, PUBLIC_BASE_URL: "https://8.8.8.8" }).runpod).toBeDefined();
    // The stand-in for tests is on this machine, and so may the server be.
    expect(parseConfig({ ...all, RUNPOD_BASE_URL: "http://127.0.0.1:1/v2" }).runpod).toBeDefined();
  });

  test("what RunPod's workers refuse for its length is not taken", () => {
    const worker = JSON.parse(read("deploy/runpod/endpoint.json")).env.MAX_SECONDS;
    const all = { ENGINE: "runpod", RUNPOD_API_KEY: "rpa_1", RUNPOD_ENDPOINT_ID: "ep1" };
    const env = { ...all, PUBLIC_BASE_URL: "https://api.example.com" };
    expect(parseConfig(env).inputLimits.audio.maxSeconds).toBe(Number(worker));
    expect(parseConfig({ ...env, MAX_AUDIO_SECONDS: "30" }).inputLimits.audio.maxSeconds).toBe(30);
  });

  // Express takes the first of these for "believe everybody"; `12` would be the address 0.0.0.12.
  test.each(["true", "0", "12", "10.0.0.0/33", "10.0.0.0/8,", "proxy.example.com", "1.2.3"])(
    "TRUST_PROXY=%s is one",
    (TRUST_PROXY) => {
      expect(message({ TRUST_PROXY })).toContain("TRUST_PROXY: expected a number of proxies");
    },
  );

  test.each(["1e3", "0x10", "1.5", " 1", "abc"])("PORT=%s is one", (PORT) => {
    expect(message({ PORT })).toContain("PORT: expected a whole number from 0 to 65535");
  });
});

describe("every variable is in", () => {
  test(".env.example, which changes nothing when it is copied", () => {
    const example = parseEnv(read(".env.example"));
    expect(Object.keys(example).toSorted()).toEqual(NAMES.toSorted());
    expect(parseConfig(example)).toEqual(parseConfig({}));
  });

  test("docs/configuration.md, with its default", () => {
    const rows = read("docs/configuration.md").matchAll(/^\| `([A-Z0-9_]+)` \| (\S+) \|/gm);
    const expected = Object.entries(EnvSchema.shape).map(([name, schema]) => {
      const value = schema.parse(undefined);
      return [name, value === undefined ? "–" : `\`${value}\``];
    });
    expect([...rows].map(([, name, value]) => [name, value])).toEqual(expected);
  });
});
