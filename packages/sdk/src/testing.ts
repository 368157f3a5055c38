import type { CreateJobInput, Job } from "@avatar/contract/types";
import { AvatarError } from "./index.ts";
import { problemAnswer, Refusal } from "./problem.ts";
import { createAccountRoutes } from "./testing/account-routes.ts";
import { createFakeClock, type FakeClock } from "./testing/clock.ts";
import { createFakeJobs } from "./testing/fake-jobs.ts";
import { createFakeUploads } from "./testing/fake-uploads.ts";
import { createFaults, type Fault } from "./testing/faults.ts";
import { createJobRoutes } from "./testing/job-routes.ts";
import type { JobState, Script } from "./testing/job-states.ts";
import { bodyOf, type ReceivedRequest, receive } from "./testing/receive.ts";
import { findRoute, type RouteName } from "./testing/routes.ts";
import { keyOf, type Route } from "./testing/wire.ts";

export type { FakeClock } from "./testing/clock.ts";
export type { Fault } from "./testing/faults.ts";
export type { JobErrorCode, JobState, Script } from "./testing/job-states.ts";
export type { RouteName } from "./testing/routes.ts";

/**
 * How the fake behaves.
 *
 * @example
 * const fake = fakeAvatar({ script: ({ metadata }) => (metadata?.order === "7" ? "no_face" : undefined) });
 */
export interface FakeAvatarOptions {
  /** What becomes of each job. Default: it is queued, starts, runs and succeeds. */
  script?: Script | ((input: CreateJobInput) => Script | undefined) | undefined;
  /** What goes wrong, each for its own number of requests. */
  faults?: readonly Fault[] | undefined;
  /** Where the code under test expects the API; a path where a proxy has the key. Default `https://avatar.test`. */
  baseUrl?: string | undefined;
}

/**
 * A request that the fake was sent.
 *
 * @example
 * const created = fake.requests.find(({ route }) => route === "POST /v1/jobs");
 */
export interface FakeRequest {
  route: RouteName;
  method: string;
  url: string;
  headers: Readonly<Record<string, string>>;
  /** What JSON says, or the bytes of a file; undefined where there is no body. */
  body: unknown;
}

/**
 * The API, in memory. It is also the options of a client: `new Avatar(fake)`.
 *
 * @example
 * const { fetch, clock } = fakeAvatar();
 * const avatar = new Avatar({ apiKey, baseUrl, fetch, clock });
 */
export interface FakeAvatar {
  /** In place of the global one. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Pauses of a client with this clock take no time. */
  clock: FakeClock;
  /** A test key that no real API knows. */
  apiKey: string;
  baseUrl: string;
  /** As they are now, oldest first. */
  readonly jobs: readonly Job[];
  /** Oldest first. */
  readonly requests: readonly FakeRequest[];
  /** Makes coming requests go wrong. */
  fail(...faults: Fault[]): void;
  /** Moves a job to a state at once, in place of what its script had for it; whoever waits for it gets to know. */
  move(id: string, state: JobState): Job;
  /**
   * Handlers for Mock Service Worker, for code that makes its own client.
   *
   * @param http of the package `msw`
   */
  handlers<H>(http: MswHttp<H>): H[];
}

/**
 * What is needed of `http` of the package `msw`.
 *
 * @example
 * import { http } from "msw";
 * const server = setupServer(...fakeAvatar().handlers(http));
 */
export interface MswHttp<H> {
  all(path: string, answer: (info: { request: Request }) => Promise<Response>): H;
}

const API_KEY = "avk_test_FakeAvatar0000000000000000000000000QvXg7";

/**
 * The API in memory, for tests of your own code: no network, no waiting.
 *
 * @example
 * const fake = fakeAvatar();
 * const video = await new Avatar(fake).generate({ image, audio });
 * expect(fake.jobs).toHaveLength(1);
 */
export function fakeAvatar({
  script,
  faults = [],
  baseUrl = "https://avatar.test",
}: FakeAvatarOptions = {}): FakeAvatar {
  const clock = createFakeClock();
  const jobs = createFakeJobs(clock);
  const uploads = createFakeUploads(clock);
  const scriptOf = typeof script === "function" ? script : () => script;
  const jobRoutes = createJobRoutes({ jobs, uploads, clock, scriptOf });
  const account = createAccountRoutes(jobs.all, clock);
  const failing = createFaults(faults);
  const requests: FakeRequest[] = [];

  const routes: Record<RouteName, Route> = {
    "POST /v1/uploads": uploads.declare,
    "PUT /objects/uploads/{id}": uploads.put,
    "POST /v1/jobs": jobRoutes.create,
    "GET /v1/jobs": jobRoutes.list,
    "GET /v1/jobs/{id}": jobRoutes.get,
    "DELETE /v1/jobs/{id}": jobRoutes.delete,
    "POST /v1/jobs/{id}/cancel": jobRoutes.cancel,
    "GET /v1/jobs/{id}/result": jobRoutes.result,
    "GET /objects/videos/{id}": jobRoutes.download,
    "POST /v1/estimate": jobRoutes.estimate,
    "GET /v1/usage": account.usage,
    "GET /v1/limits": account.limits,
    "GET /v1/keys/current": account.key,
  };

  async function respond(request: ReceivedRequest): Promise<Response> {
    const { method, url, headers, bytes, signal } = request;
    const requestId = `req_${requests.length + 1}`;
    const found = findRoute(method, url.pathname);
    try {
      if (!found) throw new Refusal("not_found");
      const { name, id, at } = found;
      requests.push({
        route: name,
        method,
        url: url.href,
        headers: Object.fromEntries(headers),
        body: bodyOf(request),
      });
      const base = url.origin + url.pathname.slice(0, at);
      const wire = { base, query: url.searchParams, headers, bytes, id, signal };
      const response = await failing.around(name, signal, async () => {
        const needsKey = name.includes(" /v1/") && !baseUrl.startsWith("/");
        if (needsKey && !/^avk_(live|test)_\w+$/.test(keyOf(headers))) throw new Refusal("unauthorized");
        return routes[name](wire);
      });
      response.headers.set("x-request-id", requestId);
      return response;
    } catch (error) {
      if (error instanceof Refusal) return problemAnswer(error, requestId);
      throw error;
    }
  }

  const fake: FakeAvatar = {
    fetch: async (input, init) => respond(await receive(input, init)),
    clock,
    apiKey: API_KEY,
    baseUrl,
    get jobs() {
      return jobs.all();
    },
    requests,
    fail: failing.add,
    move(id, state) {
      if (jobs.has(id)) return jobs.move(id, state);
      throw new AvatarError({ code: "job_not_found", detail: `There is no job ${id}.` });
    },
    handlers: (http) => [
      http.all(`${baseUrl}/*`, ({ request }) => fake.fetch(request).catch(() => Response.error())),
    ],
  };
  return fake;
}
