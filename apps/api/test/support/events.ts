import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { createTRPCClient, httpSubscriptionLink } from "@trpc/client";
import { eq, sql } from "drizzle-orm";
import { EventSource, type FetchLike } from "eventsource";
import type { Db } from "../../src/db/client.ts";
import { jobs } from "../../src/db/schema/schema.ts";
import type { NewJobRow } from "../../src/jobs/job-repository.ts";
import type { Router } from "../../src/trpc/router.ts";

interface Server {
  url: string;
  apiKey: string;
}

/** One more version of a job, as a replica would store and announce it. */
export async function changeJob({ db }: { db: Db }, id: string, change: Partial<NewJobRow>): Promise<void> {
  const next = { ...change, version: sql`${jobs.version} + 1` };
  await db.update(jobs).set(next).where(eq(jobs.id, id));
  await db.execute(sql`select pg_notify('avatar_job_changes', ${id})`);
}

/** What a browser's EventSource cannot do: send the key. */
const fetchWithKey =
  (apiKey: string): FetchLike =>
  (url, init) =>
    fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${apiKey}` } });

/** A client as the standard has it, which comes again by itself. */
export function openEventSource({ url, apiKey }: Server, path: string) {
  const source = new EventSource(new URL(path, url), { fetch: fetchWithKey(apiKey) });
  const events: { id: string; job: { id: string; version: number; status: string } }[] = [];
  source.onmessage = ({ lastEventId, data }) => events.push({ id: lastEventId, job: JSON.parse(data) });
  let opened = 0;
  source.onopen = () => opened++;
  return {
    events,
    get opened() {
      return opened;
    },
    get isClosed() {
      return source.readyState === source.CLOSED;
    },
    close: () => source.close(),
  };
}

/** A tRPC client that watches a job. */
export function openSubscription({ url, apiKey }: Server, input: { id: string }) {
  const client = createTRPCClient<Router>({
    links: [
      httpSubscriptionLink({
        url: `${url}/trpc`,
        EventSource,
        eventSourceOptions: { fetch: fetchWithKey(apiKey) },
      }),
    ],
  });
  const events: { id: string; data: { version: number; status: string } }[] = [];
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  ended.catch(() => {}); // Not every test waits for its end.
  const { unsubscribe } = client.jobs.watch.subscribe(input, {
    onData: (event) => void events.push(event),
    onError: reject,
    onComplete: resolve,
  });
  return { events, ended, unsubscribe };
}

/** The answer as it comes in, byte by byte. */
export async function openRaw({ url, apiKey }: Server, path: string, headers: Record<string, string> = {}) {
  const request = get(new URL(path, url), {
    agent: new Agent({ keepAlive: true }),
    headers: { authorization: `Bearer ${apiKey}`, ...headers },
  });
  const [response] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  const ended = new Promise<boolean>((resolve) => {
    response.setEncoding("utf8").once("close", () => resolve(response.complete));
    response.once("error", () => {}); // It broke off, as `complete` tells.
  });
  return {
    status: response.statusCode,
    headers: response.headers,
    socket: response.socket,
    read(): void {
      response.on("data", (chunk: string) => {
        text += chunk;
      });
    },
    get text() {
      return text;
    },
    ids: () => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1])),
    /** Whether it came to a clean end. */
    ended,
    leave: () => void request.destroy(),
  };
}
