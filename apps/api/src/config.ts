import { isIP } from "node:net";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { keyModeOf } from "@avatar/contract/api-keys";
import type { KeyLimits } from "@avatar/contract/key-types";
import { type InputLimits, LIMITS } from "@avatar/contract/limits";
import ipaddr from "ipaddr.js";
import { z } from "zod";
import type { RunPodConfig } from "./engine/runpod/runpod-client.ts";
import { StartError } from "./start-error.ts";
import type { R2Config } from "./storage/r2-client.ts";
import type { TracingConfig } from "./telemetry/tracing.ts";
import { isPublicAddress } from "./uploads/public-address.ts";

export type DatabaseConfig = { url: string } | { dataDir: string };

/** How many proxies each request comes through, or their addresses and networks. */
export type TrustedProxies = number | string[];

export interface Config {
  host: string;
  port: number;
  /** Where customers reach the API, without a slash at its end; by default the address it listens on. */
  publicBaseUrl: string | undefined;
  /** Who is believed where a request came from; undefined: nobody. */
  trustedProxies: TrustedProxies | undefined;
  dataDir: string;
  database: DatabaseConfig;
  bootstrapApiKey: string | undefined;
  /** Who has it may read the metrics; undefined: nobody may. */
  metricsToken: string | undefined;
  /** Where traces go; undefined: there are none. */
  tracing: TracingConfig | undefined;
  logLevel: (typeof LOG_LEVELS)[number];
  previewEncoder: (typeof PREVIEW_ENCODERS)[number];
  ffmpegPath: string | undefined;
  maxRunsInFlight: number;
  queueTimeoutMs: number;
  /** How long a video is kept unless its job asks for less. */
  videoTtlSeconds: number;
  /** Where live keys render; undefined for the preview engine. */
  runpod: RunPodConfig | undefined;
  /** Dollars a second, by the name of the GPU; that of the first row where a run names none. */
  gpuPrices: Record<string, number>;
  /** RunPod's endpoint is kept from being taken down when it was not used for so long; undefined: it is not. */
  keepAliveMs: number | undefined;
  startTimeoutMs: number;
  /** How long a run may render, for each second of its recording; and two minutes more. */
  runSecondsPerAudioSecond: number;
  /** Where uploads and videos are kept; undefined for `dataDir`. */
  r2: R2Config | undefined;
  inputLimits: InputLimits;
  /** Of keys that have none of their own. */
  keyLimits: KeyLimits;
  budget: BudgetConfig;
  /** Web pages of these origins may call the API. */
  corsOrigins: string[];
}

/** What all live keys together may cost. */
export interface BudgetConfig {
  usdPerDay: number | undefined;
  usdPerMonth: number | undefined;
  /** At these shares of a budget the operator is warned. */
  warnShares: number[];
}

/** `auto` takes the ffmpeg program where it is usable, else its WebAssembly build. */
const PREVIEW_ENCODERS = ["auto", "ffmpeg", "wasm"] as const;

const ENGINES = ["preview", "runpod"] as const;

const GpuPrices = z
  .record(z.string().min(1), z.number().min(0).max(1))
  .refine((prices) => Object.keys(prices).length > 0);

/** RunPod's prices of flexible workers as its documentation had them on 2026-06-08; the page in the console counts. */
const GPU_PRICES = {
  "NVIDIA L40S": 0.00053,
  "NVIDIA H100 80GB HBM3": 0.00116,
  "NVIDIA RTX PRO 6000 Blackwell Server Edition": 0.00111,
};

/** MAX_SECONDS in deploy/runpod/endpoint.json: a worker refuses longer recordings. */
const WORKER_MAX_SECONDS = 120;

const LOG_LEVELS = ["fatal", "error", "warn", "info", "debug", "silent"] as const;

const { image, audio, videoTtlSeconds } = LIMITS;
const MIB = 1024 * 1024;

const whole = (min: number, max: number, example: number) => {
  const message = `expected a whole number from ${min} to ${max}, for example ${example}`;
  return z
    .string()
    .regex(/^\d+$/, message)
    .transform(Number)
    .pipe(z.number().min(min, message).max(max, message));
};

const dollars = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,6})?$/, "expected dollars, for example 25 or 2.50")
  .transform(Number);

/** As browsers send it; of one site, as there are no wildcards. */
const isOrigin = (text: string) =>
  URL.canParse(text) && /^https?:[^*]+$/.test(text) && new URL(text).origin === text;

/** Every variable the server reads. Docs and `.env.example` are checked against this list by a test. */
export const EnvSchema = z.object({
  HOST: z.string().default("127.0.0.1"),
  PORT: whole(0, 65_535, 8787).default(8787),
  PUBLIC_BASE_URL: z
    .url({ protocol: /^https?$/, error: "expected an http(s) URL, for example https://api.example.com" })
    .transform((url) => url.replace(/\/+$/, ""))
    .optional(),
  TRUST_PROXY: z
    .string()
    .transform((text, context): TrustedProxies => {
      if (/^[1-9]$/.test(text)) return Number(text);
      const networks = text.split(",").map((part) => part.trim());
      if (networks.every(isNetwork)) return networks;
      context.addIssue(
        "expected a number of proxies from 1 to 9, or addresses and networks, for example 10.0.0.0/8,::1",
      );
      return z.NEVER;
    })
    .optional(),
  DATA_DIR: z.string().default(".data"),
  DATABASE_URL: z
    .url({
      protocol: /^postgres(ql)?$/,
      error: "expected a URL, for example postgres://user:password@host:5432/database",
    })
    .optional(),
  BOOTSTRAP_API_KEY: z
    .string()
    .refine(
      (key) => keyModeOf(key) === "live",
      "expected a live key; `npx -y pnpm@12 keys generate` makes one",
    )
    .optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, `expected one of ${LOG_LEVELS.join(", ")}`).default("info"),
  METRICS_TOKEN: z
    .string()
    .regex(
      /^[\x21-\x7e]{16,}$/,
      "expected at least 16 visible ASCII characters, for example what `openssl rand -hex 24` prints",
    )
    .optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/, error: "expected an http(s) URL, for example http://127.0.0.1:4318" })
    .transform((url) => url.replace(/\/+$/, ""))
    .optional(),
  OTEL_SERVICE_NAME: z.string().default("avatar"),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0|1|0?\.\d+)$/, "expected a share from 0 to 1, for example 0.1")
    .default("1")
    .transform(Number),
  PREVIEW_ENCODER: z.enum(PREVIEW_ENCODERS, `expected one of ${PREVIEW_ENCODERS.join(", ")}`).default("auto"),
  FFMPEG_PATH: z.string().optional(),
  MAX_RUNS_IN_FLIGHT: whole(1, 1000, 6).optional(),
  ENGINE: z.enum(ENGINES, `expected one of ${ENGINES.join(", ")}`).default("preview"),
  RUNPOD_API_KEY: z.string().optional(),
  RUNPOD_ENDPOINT_ID: z
    .string()
    .regex(
      /^[A-Za-z0-9_-]{1,64}$/,
      "expected the id of an endpoint, as its URL has it, for example a1b2c3d4e5f6g7",
    )
    .optional(),
  RUNPOD_BASE_URL: z
    .url({ protocol: /^https?$/, error: "expected an http(s) URL, for example https://api.runpod.ai/v2" })
    .transform((url) => url.replace(/\/+$/, ""))
    .default("https://api.runpod.ai/v2"),
  GPU_PRICES: z
    .string()
    .transform((text, context) => {
      try {
        return GpuPrices.parse(JSON.parse(text));
      } catch {
        context.addIssue('expected JSON of dollars a second by GPU, for example {"NVIDIA L40S":0.00053}');
        return z.NEVER;
      }
    })
    .optional(),
  KEEP_ALIVE_HOURS: whole(0, 71, 48).default(48),
  START_TIMEOUT_SECONDS: whole(1, 86_400, 900).default(900),
  RUN_SECONDS_PER_AUDIO_SECOND: whole(1, 3600, 90).default(90),
  QUEUE_TIMEOUT_SECONDS: whole(1, 604_800, 21_600).default(6 * 3600),
  VIDEO_TTL_SECONDS: whole(videoTtlSeconds.min, videoTtlSeconds.max, videoTtlSeconds.default).default(
    videoTtlSeconds.default,
  ),
  R2_ENDPOINT: z
    .url({
      protocol: /^https?$/,
      error: "expected an http(s) URL, for example https://<account>.r2.cloudflarestorage.com",
    })
    .optional(),
  R2_BUCKET: z.string().optional(),
  R2_ACCESS_KEY_ID: z.string().optional(),
  R2_SECRET_ACCESS_KEY: z.string().optional(),
  MAX_IMAGE_BYTES: whole(1, 64 * MIB, image.maxBytes).default(image.maxBytes),
  MAX_IMAGE_PIXELS: whole(1, image.maxPixels, image.maxPixels).default(image.maxPixels),
  MAX_AUDIO_BYTES: whole(1, 4096 * MIB, audio.maxBytes).default(audio.maxBytes),
  MAX_AUDIO_SECONDS: whole(1, 36_000, 600).optional(),
  KEY_REQUESTS_PER_MINUTE: whole(1, 1e9, 600).default(600),
  KEY_JOBS_IN_FLIGHT: whole(1, 1e9, 100).default(100),
  KEY_JOBS_QUEUED: whole(1, 1e9, 100).default(100),
  KEY_GPU_SECONDS_PER_DAY: whole(0, 1e9, 3600).optional(),
  BUDGET_USD_PER_DAY: dollars.optional(),
  BUDGET_USD_PER_MONTH: dollars.optional(),
  BUDGET_WARN_SHARES: z
    .string()
    .regex(/^(0?\.\d+|1)(,(0?\.\d+|1))*$/, "expected shares from 0 to 1, for example 0.5,0.8,0.95")
    .default("0.5,0.8,0.95")
    .transform((text) => text.split(",").map(Number)),
  CORS_ORIGINS: z
    .string()
    .transform((text) => text.split(",").map((origin) => origin.trim()))
    .refine((origins) => origins.every(isOrigin), "expected origins, for example https://app.example.com")
    .optional(),
});

export class ConfigError extends StartError {
  override readonly name = "ConfigError";
}

const R2_EXAMPLES = {
  R2_ENDPOINT: "https://<account>.r2.cloudflarestorage.com",
  R2_BUCKET: "avatar",
  R2_ACCESS_KEY_ID: "32 characters of an API token",
  R2_SECRET_ACCESS_KEY: "64 characters of the same token",
};

/** An address in its usual form, or a network. */
const isNetwork = (text: string) =>
  isIP(text.split("/", 1)[0] ?? "") !== 0 && (!text.includes("/") || ipaddr.isValidCIDR(text));

/** All zeros, however written: every address of the machine. */
const WILDCARD = /^\[?[0:.]+\]?$/;

/** An empty variable counts as not set. @throws ConfigError that lists every mistake, each naming its variable. */
export function parseConfig(env: Record<string, string | undefined>): Config {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = EnvSchema.safeParse(set);
  const mistakes = parsed.error?.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`) ?? [];
  if (WILDCARD.test(set.HOST ?? "") && !set.PUBLIC_BASE_URL)
    mistakes.push(
      `PUBLIC_BASE_URL: needed with HOST=${set.HOST}, because signed links must say where customers reach the server; ` +
        "for example https://api.example.com",
    );
  const r2 = Object.keys(R2_EXAMPLES).filter((name) => set[name]);
  if (r2.length > 0)
    for (const [name, example] of Object.entries(R2_EXAMPLES).filter(([name]) => !set[name]))
      mistakes.push(
        `${name}: needed with ${r2.join(", ")}; for example ${example}; or leave all of them out to keep files in DATA_DIR`,
      );
  mistakes.push(...runpodMistakes(set));
  if (!parsed.success || mistakes.length > 0)
    throw new ConfigError(
      `The configuration is not valid:\n${mistakes.map((line) => `  ${line}`).join("\n")}`,
    );
  const vars = parsed.data;
  const maxSeconds =
    vars.MAX_AUDIO_SECONDS ?? (vars.ENGINE === "runpod" ? WORKER_MAX_SECONDS : audio.maxSeconds);
  const dataDir = resolve(vars.DATA_DIR);
  return {
    host: vars.HOST,
    port: vars.PORT,
    publicBaseUrl: vars.PUBLIC_BASE_URL,
    trustedProxies: vars.TRUST_PROXY,
    dataDir,
    database: vars.DATABASE_URL ? { url: vars.DATABASE_URL } : { dataDir },
    bootstrapApiKey: vars.BOOTSTRAP_API_KEY,
    metricsToken: vars.METRICS_TOKEN,
    tracing: vars.OTEL_EXPORTER_OTLP_ENDPOINT
      ? {
          endpoint: vars.OTEL_EXPORTER_OTLP_ENDPOINT,
          serviceName: vars.OTEL_SERVICE_NAME,
          share: vars.OTEL_TRACES_SAMPLER_ARG,
        }
      : undefined,
    logLevel: vars.LOG_LEVEL,
    previewEncoder: vars.PREVIEW_ENCODER,
    ffmpegPath: vars.FFMPEG_PATH,
    // The preview engine renders on this machine's processors; one is left for the server. Of RunPod's workers a new
    // endpoint has three: as many runs again wait there, so that none of them idles.
    maxRunsInFlight:
      vars.MAX_RUNS_IN_FLIGHT ?? (vars.ENGINE === "runpod" ? 6 : Math.max(1, availableParallelism() - 1)),
    runpod: runpodConfig(vars),
    gpuPrices: vars.GPU_PRICES ?? GPU_PRICES,
    keepAliveMs: vars.KEEP_ALIVE_HOURS > 0 ? vars.KEEP_ALIVE_HOURS * 3_600_000 : undefined,
    startTimeoutMs: vars.START_TIMEOUT_SECONDS * 1000,
    runSecondsPerAudioSecond: vars.RUN_SECONDS_PER_AUDIO_SECOND,
    queueTimeoutMs: vars.QUEUE_TIMEOUT_SECONDS * 1000,
    videoTtlSeconds: vars.VIDEO_TTL_SECONDS,
    r2: r2Config(vars),
    inputLimits: {
      image: { ...image, maxBytes: vars.MAX_IMAGE_BYTES, maxPixels: vars.MAX_IMAGE_PIXELS },
      audio: { ...audio, maxBytes: vars.MAX_AUDIO_BYTES, maxSeconds },
    },
    keyLimits: {
      requestsPerMinute: vars.KEY_REQUESTS_PER_MINUTE,
      jobsInFlight: vars.KEY_JOBS_IN_FLIGHT,
      jobsQueued: vars.KEY_JOBS_QUEUED,
      gpuSecondsPerDay: vars.KEY_GPU_SECONDS_PER_DAY,
    },
    budget: {
      usdPerDay: vars.BUDGET_USD_PER_DAY,
      usdPerMonth: vars.BUDGET_USD_PER_MONTH,
      warnShares: vars.BUDGET_WARN_SHARES,
    },
    corsOrigins: vars.CORS_ORIGINS ?? [],
  };
}

/** RunPod cannot reach a server that has no public address, and its webhooks carry a secret. */
function runpodMistakes(set: Record<string, string | undefined>): string[] {
  if (set.ENGINE !== "runpod") return [];
  const examples = { RUNPOD_API_KEY: "rpa_…", RUNPOD_ENDPOINT_ID: "a1b2c3d4e5f6g7" };
  const mistakes = Object.entries(examples)
    .filter(([name]) => !set[name])
    .map(([name, example]) => `${name}: needed with ENGINE=runpod; for example ${example}`);
  if (isLoopback(set.RUNPOD_BASE_URL)) return mistakes;
  if (!/^https:/.test(set.RUNPOD_BASE_URL ?? "https:"))
    mistakes.push(
      "RUNPOD_BASE_URL: expected https, as the key is sent there; for example https://api.runpod.ai/v2",
    );
  if (!/^https:/.test(set.PUBLIC_BASE_URL ?? "") || !mayBePublic(set.PUBLIC_BASE_URL))
    mistakes.push(
      "PUBLIC_BASE_URL: needed with ENGINE=runpod, as an https address that RunPod's machines reach; " +
        "for example https://api.example.com",
    );
  return mistakes;
}

/** A host name that is not this machine's, or a public address, however it is written. */
function mayBePublic(url: string | undefined): boolean {
  const host = hostOf(url).replace(/\.$/, "");
  const address = host.replace(/^\[(.*)\]$/, "$1");
  return isIP(address)
    ? isPublicAddress(address)
    : !/^(localhost|.+\.(localhost|local|internal))$/.test(host);
}

function isLoopback(url: string | undefined): boolean {
  const host = hostOf(url);
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(host);
}

const hostOf = (url: string | undefined) => (url && URL.canParse(url) ? new URL(url).hostname : "");

function runpodConfig(vars: z.output<typeof EnvSchema>): RunPodConfig | undefined {
  const { RUNPOD_API_KEY: apiKey, RUNPOD_ENDPOINT_ID: endpointId, RUNPOD_BASE_URL: baseUrl } = vars;
  return vars.ENGINE === "runpod" && apiKey && endpointId ? { apiKey, endpointId, baseUrl } : undefined;
}

function r2Config(vars: z.output<typeof EnvSchema>): R2Config | undefined {
  const { R2_ENDPOINT, R2_BUCKET, R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY } = vars;
  if (!R2_ENDPOINT || !R2_BUCKET || !R2_ACCESS_KEY_ID || !R2_SECRET_ACCESS_KEY) return undefined;
  return {
    endpoint: R2_ENDPOINT.replace(/\/+$/, ""),
    bucket: R2_BUCKET,
    accessKeyId: R2_ACCESS_KEY_ID,
    secretAccessKey: R2_SECRET_ACCESS_KEY,
  };
}
