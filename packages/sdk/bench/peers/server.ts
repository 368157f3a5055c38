import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Case } from "./cases.ts";
import type { Dialect, Job } from "./dialects.ts";

type Kind = "create" | "poll" | "result" | "cancel" | "upload" | "other";

interface Seen {
  at: number;
  kind: Kind;
  hasIdempotencyKey: boolean;
}

/** A job server of one case: it speaks one SDK's dialect, does the harm that the case asks for, and notes what it sees. */
export async function startServer(dialect: Dialect, harm: Case) {
  const seen: Seen[] = [];
  const jobs = new Map<string, Job>();
  const count = (kind: Kind) => seen.filter((request) => request.kind === kind).length;

  function kindOf(route: string): Kind {
    if (dialect.create.test(route)) return "create";
    if (dialect.cancel?.test(route)) return "cancel";
    if (dialect.result?.test(route)) return "result";
    if (dialect.uploads?.some(([pattern]) => pattern.test(route))) return "upload";
    return dialect.poll?.test(route) ? "poll" : "other";
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = "" } = request;
    if (url === "/") return void response.end();
    const route = `${method} ${url.replace(/\?.*/, "")}`;
    const kind = kindOf(route);
    const key = request.headers["idempotency-key"];
    seen.push({ at: Date.now(), kind, hasIdempotencyKey: key !== undefined });
    const body = await bodyOf(request);

    const reply = (status: number, content: unknown, headers?: Record<string, string>) =>
      void response
        .writeHead(status, { "content-type": "application/json", ...headers })
        .end(JSON.stringify(content));
    const refuse = (status: number, headers?: Record<string, string>) => {
      const message = `This is a ${status}.`;
      reply(status, { message, detail: message, error: { message } }, headers);
    };
    const harmBy = (fault: "drop" | number) =>
      fault === "drop" ? void request.socket.destroy() : refuse(fault);

    if (harm.denies) return refuse(401);
    if (kind === "other") return refuse(404);
    if (kind === "upload") {
      const [, show] = dialect.uploads?.find(([pattern]) => pattern.test(route)) ?? [];
      return reply(200, show?.(`http://${request.headers.host}`, body));
    }
    if (kind === "create") {
      const { busy } = harm;
      if (busy && (busy.always || count("create") === 1))
        return refuse(429, { "retry-after": String(busy.retryAfterSeconds) });
      const job = jobs.get(String(key)) ?? makeJob(key);
      if (harm.create && count("create") === 1) return harmBy(harm.create);
      await hold(job, dialect.holdsMs?.(request) ?? 0);
      return reply(200, dialect.show(job));
    }
    if (kind === "poll" && harm.poll && count("poll") === 1) return harmBy(harm.poll);
    const job = [...jobs.values()].find(({ id }) => url.includes(id));
    if (!job) return refuse(404);
    if (kind === "cancel" && job.status === "running") job.status = "canceled";
    if (kind === "poll") await hold(job, dialect.holdsMs?.(request) ?? 0);
    reply(200, kind === "result" ? (dialect.showResult ?? dialect.show)(job) : dialect.show(job));
  }

  function makeJob(key: unknown): Job {
    const id = `job_${jobs.size + 1}`;
    const job: Job = { id, status: "running", endsAt: Date.now() + harm.jobMs };
    jobs.set(String(key ?? id), job);
    return job;
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  // No connection closes because a client is busy, such as with reading a file.
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    jobs,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Until the job is over, or for so long. */
async function hold(job: Job, forMs: number): Promise<void> {
  const until = Math.min(job.endsAt, Date.now() + forMs);
  while (Date.now() < until) await sleep(until - Date.now());
  if (job.status === "running" && Date.now() >= job.endsAt) job.status = "succeeded";
}

/** JSON as what it is; of files not a byte is kept. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  if (request.headers["content-type"]?.startsWith("application/json"))
    return json(request).catch(() => undefined);
  for await (const _ of request);
  return undefined;
}
