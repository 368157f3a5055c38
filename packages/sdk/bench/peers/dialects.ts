import type { IncomingMessage } from "node:http";
import { LIMITS } from "@avatar/contract/limits";

export interface Job {
  id: string;
  status: "running" | "succeeded" | "canceled";
  endsAt: number;
}

/** What an SDK sends and expects, as far as its shipped code shows: what is no matter to it is left out. */
export interface Dialect {
  /** Patterns of "METHOD /path". */
  create: RegExp;
  poll?: RegExp;
  result?: RegExp;
  cancel?: RegExp;
  /** What the requests of an upload are answered. */
  uploads?: [route: RegExp, show: (url: string, body: unknown) => unknown][];
  /** What a job looks like. */
  show(job: Job): unknown;
  showResult?(job: Job): unknown;
  /** How long the server keeps the answer while the job runs, as the request asks it to. */
  holdsMs?(request: IncomingMessage): number;
}

const isOver = ({ status }: Job) => status === "succeeded";
const VIDEO = "https://example.com/v.mp4";

const avatar: Dialect = {
  create: /^POST \/v1\/jobs$/,
  poll: /^GET \/v1\/jobs\/\w+$/,
  cancel: /^POST \/v1\/jobs\/\w+\/cancel$/,
  uploads: [
    [
      /^POST \/v1\/uploads$/,
      (url, body) => {
        const { bytes } = body as { bytes: number };
        const size = LIMITS.uploadPartBytes;
        const parts = Array.from({ length: Math.ceil(bytes / size) }, (_, part) => ({
          url: `${url}/store/${part}`,
          headers: {},
          bytes: Math.min(size, bytes - part * size),
        }));
        return { id: "upload_1", method: "PUT", expiresAt: "2999-01-01T00:00:00Z", parts };
      },
    ],
    [/^PUT \/store\//, () => ({})],
  ],
  show: ({ id, status }) => ({
    id,
    status,
    version: status === "running" ? 1 : 2,
    video: { expiresAt: "2999-01-01T00:00:00Z" },
  }),
  holdsMs: ({ url }) => 1000 * Number(new URL(url ?? "", "http://host").searchParams.get("wait")),
};

const fal: Dialect = {
  create: /^POST \/owner\/model$/,
  poll: /^GET .*\/requests\/\w+\/status$/,
  result: /^GET .*\/requests\/\w+$/,
  cancel: /^PUT .*\/requests\/\w+\/cancel$/,
  uploads: [
    [/^POST \/storage\/upload\/initiate/, (url) => ({ upload_url: `${url}/store`, file_url: VIDEO })],
    [/^(PUT|POST) \/store/, () => ({ partNumber: 1, etag: "1" })],
  ],
  show: (job) => ({ request_id: job.id, status: isOver(job) ? "COMPLETED" : "IN_PROGRESS" }),
  showResult: () => ({ video: { url: VIDEO } }),
};

const replicate: Dialect = {
  create: /^POST \/v1\/models\/owner\/model\/predictions$/,
  poll: /^GET \/v1\/predictions\/\w+$/,
  cancel: /^POST \/v1\/predictions\/\w+\/cancel$/,
  uploads: [[/^POST \/v1\/files$/, () => ({ urls: { get: VIDEO } })]],
  show: (job) => ({
    id: job.id,
    status: job.status === "running" ? "processing" : job.status,
    output: isOver(job) ? VIDEO : null,
  }),
  // It may hold the answer for a minute.
  holdsMs: ({ headers }) => (headers.prefer === "wait" ? 60_000 : 0),
};

const openai: Dialect = {
  create: /^POST \/v1\/vector_stores\/vs_1\/file_batches$/,
  poll: /^GET \/v1\/vector_stores\/vs_1\/file_batches\/\w+$/,
  cancel: /\/cancel$/,
  uploads: [[/^POST \/v1\/files$/, () => ({ id: "file_1" })]],
  show: (job) => ({ id: job.id, status: isOver(job) ? "completed" : "in_progress" }),
};

const runway: Dialect = {
  create: /^POST \/v1\/image_to_video$/,
  poll: /^GET \/v1\/tasks\/\w+$/,
  cancel: /^(POST|DELETE) \/v1\/tasks\/\w+/,
  uploads: [
    [/^POST \/v1\/uploads$/, (url) => ({ uploadUrl: `${url}/store`, fields: {}, runwayUri: "runway://1" })],
    [/^POST \/store$/, () => ({})],
  ],
  show: (job) => ({ id: job.id, status: isOver(job) ? "SUCCEEDED" : "RUNNING", output: [VIDEO] }),
};

const wavespeed: Dialect = {
  create: /^POST \/api\/v3\/owner\/model$/,
  poll: /^GET \/api\/v3\/predictions\/\w+\/result$/,
  uploads: [
    [
      /^POST \/api\/v3\/media\/uploads$/,
      (url) => ({
        code: 200,
        data: { download_url: VIDEO, upload: { method: "PUT", url: `${url}/store`, headers: {} } },
      }),
    ],
    [/^PUT \/store$/, () => ({})],
  ],
  show: (job) => ({
    data: { id: job.id, status: isOver(job) ? "completed" : "processing", outputs: [VIDEO] },
  }),
};

const assemblyai: Dialect = {
  create: /^POST \/v2\/transcript$/,
  poll: /^GET \/v2\/transcript\/\w+$/,
  uploads: [[/^POST \/v2\/upload$/, () => ({ upload_url: VIDEO })]],
  show: (job) => ({ id: job.id, status: isOver(job) ? "completed" : "processing" }),
};

const higgsfield: Dialect = {
  create: /^POST \/owner\/model$/,
  poll: /^GET \/requests\/\w+\/status$/,
  cancel: /\/cancel$/,
  uploads: [
    [
      /^POST \/v1\/agent\/media$/,
      (url) => ({ id: "m1", upload_url: `${url}/store`, content_type: "audio/wav", url: VIDEO }),
    ],
    [/^PUT \/store$/, () => ({})],
    [/^POST \/v1\/agent\/media\/m1\/confirm$/, () => ({ status: "uploaded" })],
  ],
  show: (job) => ({ request_id: job.id, status: isOver(job) ? "completed" : "in_progress" }),
};

/** Of an SDK that creates something, and waits for nothing. */
const creation: Dialect = { create: /^POST /, show: ({ id }) => ({ id }) };

export const DIALECTS = {
  avatar,
  fal,
  replicate,
  openai,
  runway,
  wavespeed,
  assemblyai,
  higgsfield,
  creation,
};
