import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import type {
  CreateJobInput,
  Job,
  JobEstimate,
  JobPage,
  JobResult,
  Problem,
  Upload,
} from "@avatar/contract/types";

/** What the server does instead of answering as it should. */
export type Fault =
  | "reset" // hangs up before it does anything
  | "lost-reply" // does the work, then hangs up
  | "hang" // does the work and never answers
  | { code: ErrorCode; retryAfter?: string; detail?: string }
  | { cutAt: number } // hangs up after so many bytes of a video
  | { status: number; body: string };

/** One state of a job, as a test writes it. */
export type State = { status: Job["status"] } & Record<string, unknown>;

interface SeenRequest {
  route: string;
  headers: IncomingMessage["headers"];
  query: URLSearchParams;
  body: string;
}

const VIDEO = Buffer.from("\0\0\0\x18ftypmp42 a very short film");

const SUCCESS: State[] = [
  { status: "queued" },
  { status: "starting", cold: true },
  { status: "running", progress: 0.5 },
  { status: "succeeded" },
];

/** A small server that speaks the API's wire on a real socket. Each long-poll moves its job one state on. */
export async function startFakeApi() {
  const requests: SeenRequest[] = [];
  const faults = new Map<string, Fault[]>();
  const jobs = new Map<string, { job: Job; states: State[] }>();
  const jobByKey = new Map<string, string>();
  const uploads = new Map<string, Buffer | undefined>();
  const seen = (route: string) => requests.filter((request) => request.route === route);
  /** Polls that are held because their job has no further state yet. */
  const held = new Set<() => void>();
  const api = {
    requests,
    jobs,
    uploads,
    video: VIDEO,
    script: SUCCESS,
    now: () => Date.parse("2026-01-01T00:00:00Z"),
    linkLifeMs: 3_600_000,
    knowsRanges: true,
    /** Of every answer. */
    headers: {} as Record<string, string>,
    url: "",
    /** Makes the next requests on a route fail, one after the other. */
    fail: (route: string, ...list: Fault[]) =>
      void faults.set(route, [...(faults.get(route) ?? []), ...list]),
    count: (route: string) => seen(route).length,
    seen,
    /** Resolves once the server has a request on the route. */
    reached: (route: string, times = 1): Promise<void> => waitFor(() => seen(route).length >= times),
    addJob(states?: State[]): Job {
      const [first = { status: "queued" }, ...rest] = states ?? api.script;
      const id = `job_${jobs.size + 1}`;
      const job = toJob(id, 1, first);
      jobs.set(id, { job, states: rest });
      return job;
    },
    move,
    close: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };

  function toJob(id: string, version: number, state: State): Job {
    const base = {
      id,
      version,
      createdAt: "2026-01-01T00:00:00.000Z",
      updatedAt: "2026-01-01T00:00:00.000Z",
      finishedAt: "2026-01-01T00:00:09.000Z",
      aspect: "auto",
      fit: "crop",
      seed: 7,
      metadata: {},
      ttlSeconds: 21600,
      audioSeconds: 7,
      timings: {},
      cost: { gpuSeconds: 0, usd: 0 },
      video: {
        contentType: "video/mp4",
        bytes: VIDEO.length,
        sha256: createHash("sha256").update(VIDEO).digest("hex"),
        width: 1280,
        height: 720,
        durationSeconds: 7,
        expiresAt: new Date(api.now() + 21_600_000).toISOString(),
      },
    };
    return { ...base, ...state } as unknown as Job;
  }

  function move(id: string, next?: State): Job {
    const entry = jobs.get(id);
    if (!entry) throw problem("job_not_found");
    const state = next ?? entry.states.shift();
    if (state) entry.job = toJob(id, entry.job.version + 1, state);
    for (const wake of held) wake();
    return entry.job;
  }

  const isFinal = ({ status }: Job) => ["succeeded", "failed", "canceled", "expired"].includes(status);

  const routes: Record<string, (request: SeenRequest, id: string) => unknown> = {
    "POST /v1/uploads": () => {
      const id = `upload_${uploads.size + 1}`;
      uploads.set(id, undefined);
      const headers = { "content-type": "image/png", "if-none-match": "*" };
      const expiresAt = "2026-01-01T01:00:00.000Z";
      return {
        id,
        method: "PUT",
        url: `${api.url}/objects/${id}?signature=s3cret`,
        headers,
        expiresAt,
      } satisfies Upload;
    },
    "PUT /objects/:id": ({ body }, id) => {
      if (uploads.get(id)) throw problem("upload_exists");
      uploads.set(id, Buffer.from(body, "latin1"));
    },
    "POST /v1/jobs": ({ headers, body }) => {
      const key = String(headers["idempotency-key"]);
      const input: CreateJobInput = JSON.parse(body);
      for (const ref of [input.image, input.audio]) {
        if (!/^https:/i.test(ref) && !uploads.get(ref)) throw problem("upload_incomplete");
      }
      const known = jobs.get(jobByKey.get(key) ?? "")?.job;
      const job = known ?? api.addJob();
      jobByKey.set(key, job.id);
      return job;
    },
    "POST /v1/estimate": ({ body }) => {
      const { image, audio }: CreateJobInput = JSON.parse(body);
      if (!uploads.get(image) || !uploads.get(audio)) throw problem("upload_incomplete");
      const cost = { gpuSeconds: 0, usd: 0 };
      return { audioSeconds: 7, cost, position: 1, cold: false, warnings: [] } satisfies JobEstimate;
    },
    "GET /v1/usage": ({ query }) => ({ from: query.get("from"), to: query.get("to"), days: [] }),
    "GET /v1/limits": () => ({ engine: "preview" }),
    "GET /v1/jobs/:id": async ({ query }, id) => {
      const entry = jobs.get(id);
      if (!entry) throw problem("job_not_found");
      if (!query.has("wait") || isFinal(entry.job) || entry.job.version > Number(query.get("after")))
        return entry.job;
      if (entry.states.length === 0) await new Promise<void>((resolve) => held.add(resolve));
      else move(id);
      return entry.job;
    },
    "GET /v1/jobs": ({ query }) => {
      const wanted = query.get("status");
      const all = [...jobs.values()].map(({ job }) => job).filter((job) => !wanted || job.status === wanted);
      const from = Number(query.get("cursor") ?? 0);
      const to = from + Number(query.get("limit") ?? 20);
      return {
        items: all.slice(from, to),
        ...(to < all.length && { nextCursor: String(to) }),
      } satisfies JobPage;
    },
    "GET /v1/jobs/:id/result": (_, id) => {
      const job = jobs.get(id)?.job;
      if (job?.status !== "succeeded") throw problem(job ? "job_not_finished" : "job_not_found");
      const urlExpiresAt = new Date(api.now() + api.linkLifeMs).toISOString();
      const url = `${api.url}/videos/${id}?signature=${api.count("GET /v1/jobs/:id/result")}`;
      return { jobId: id, url, urlExpiresAt, video: job.video } satisfies JobResult;
    },
    "POST /v1/jobs/:id/cancel": (_, id) => {
      const job = jobs.get(id)?.job;
      return job && isFinal(job) ? job : move(id, { status: "canceled" });
    },
    "DELETE /v1/jobs/:id": (_, id) => move(id, { status: "canceled" }),
    "GET /videos/:id": () => api.video,
  };

  function problem(code: ErrorCode, detail = `${ERRORS[code].title}.`): Problem {
    const { status, title, hint } = ERRORS[code];
    const docs = `/docs/errors/${code}`;
    return { type: docs, title, status, code, detail, hint, docs, requestId: `req_${requests.length}` };
  }

  async function handle(message: IncomingMessage, response: ServerResponse): Promise<unknown> {
    const { pathname, searchParams } = new URL(message.url ?? "", "http://host");
    const [, id = ""] = /^\/(?:v1\/jobs|objects|videos)\/([^/]+)/.exec(pathname) ?? [];
    const route = `${message.method} ${pathname.replace(/^(\/(?:v1\/jobs|objects|videos)\/)[^/]+/, "$1:id")}`;
    const fault = faults.get(route)?.shift();
    const body = (await buffer(message)).toString("latin1");
    const request = { route, headers: message.headers, query: searchParams, body };
    requests.push(request);
    response.setHeader("x-request-id", `req_${requests.length}`);
    for (const [name, value] of Object.entries(api.headers)) response.setHeader(name, value);

    if (message.method === "OPTIONS") return response.end(); // Of a page: may it?
    if (fault === "reset") return message.socket.destroy();
    if (typeof fault === "object" && "status" in fault)
      return response.writeHead(fault.status).end(fault.body);
    if (typeof fault === "object" && "code" in fault) {
      const headers = {
        "content-type": "application/problem+json",
        ...(fault.retryAfter && { "retry-after": fault.retryAfter }),
      };
      return response
        .writeHead(ERRORS[fault.code].status, headers)
        .end(JSON.stringify(problem(fault.code, fault.detail)));
    }
    if (pathname.startsWith("/v1") && !message.headers.authorization?.startsWith("Bearer avk_"))
      throw problem("unauthorized");
    const answer = await (
      routes[route] ??
      (() => {
        throw problem("not_found");
      })
    )(request, decodeURIComponent(id));
    if (fault === "lost-reply") return message.socket.destroy();
    if (fault === "hang") return;
    if (!Buffer.isBuffer(answer)) return response.end(JSON.stringify(answer));
    const bytes = rangeOf(answer, message, response);
    if (typeof fault !== "object") return response.end(bytes);
    response.write(bytes.subarray(0, fault.cutAt), () => message.socket.destroy());
  }

  function rangeOf(file: Buffer, { headers }: IncomingMessage, response: ServerResponse): Buffer {
    const [, start] = /^bytes=(\d+)-$/.exec(headers.range ?? "") ?? [];
    if (!start || !api.knowsRanges) response.writeHead(200, { "content-length": file.length });
    else if (Number(start) >= file.length) response.writeHead(416);
    else {
      const range = `bytes ${start}-${file.length - 1}/${file.length}`;
      response.writeHead(206, { "content-range": range, "content-length": file.length - Number(start) });
    }
    if (response.statusCode === 416) return Buffer.alloc(0);
    return response.statusCode === 206 ? file.subarray(Number(start)) : file;
  }

  const server = createServer((message, response) => {
    handle(message, response).catch((thrown: Problem) => {
      response.writeHead(thrown.status ?? 500, { "content-type": "application/problem+json" });
      response.end(JSON.stringify(thrown.status ? thrown : { code: "internal", detail: String(thrown) }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  api.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return api;
}

export type FakeApi = Awaited<ReturnType<typeof startFakeApi>>;

/** Waits for a condition, with a deadline so that a broken one fails instead of hanging. */
export async function waitFor(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`still not true: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
