import type { Key } from "@avatar/contract/key-types";
import type { MediaKind } from "@avatar/contract/limits";
import type { CreateJobInput, Job, JobEstimate, JobSettings, Limits } from "@avatar/contract/types";
import type { GetUsageInput, Usage } from "@avatar/contract/usage-types";
import type { CheckOptions, InputIssue, SniffedFile } from "./check.ts";
import { type Generation, type GenerationDeps, type ResumeOptions, startGeneration } from "./generation.ts";
import { type CallOptions, createHttp } from "./http.ts";
import { createJobs, filesTimeoutMs, type Jobs } from "./jobs.ts";
import { inspect, type Media, reference, sniff, type Upload } from "./media.ts";
import type { Raw } from "./raw.ts";
import { refuse } from "./refuse.ts";
import { systemClock } from "./retry.ts";
import { withinBounds } from "./scope.ts";
import type { ClientOptions } from "./settings.ts";
import { declareFile, type UploadOptions, type UploadProgress } from "./uploads.ts";
import { type CreateVideo, createVideo } from "./video.ts";

/**
 * One portrait and one recording, and how to film them.
 *
 * @example
 * const input: GenerateInput = { image: portrait, audio: recording, aspect: "16:9" };
 */
export interface GenerateInput extends JobSettings {
  /** A portrait: JPEG, PNG or WebP. */
  image: Media;
  /** Speech: WAV, MP3, M4A/AAC, OGG/Opus or FLAC. */
  audio: Media;
}

/**
 * Options of {@link Avatar.generate}.
 *
 * @example
 * const video = await avatar.generate(input, { idempotencyKey: "order-7", timeoutMs: 10 * 60_000 });
 */
export interface GenerateOptions extends ResumeOptions {
  onUpload?: ((progress: UploadProgress) => void) | undefined;
  /**
   * Calls with the same key, files and settings create one job, also after a restart. To tell that the files are the
   * same, each is read into memory once and hashed.
   * Default: a new key for each call, kept across its retries.
   */
  idempotencyKey?: string | undefined;
}

/**
 * Options of {@link Avatar.submit}.
 *
 * @example
 * const { id } = await avatar.submit(input, { idempotencyKey: "order-7" });
 */
export interface SubmitOptions extends UploadOptions, Pick<GenerateOptions, "idempotencyKey"> {}

/**
 * The client. It holds no connection and needs no closing.
 *
 * @example
 * const avatar = new Avatar({ apiKey: "avk_live_…", baseUrl: "https://avatar.example.com" });
 * const video = await avatar.generate({ image, audio });
 * console.log(await video.url());
 */
export class Avatar {
  /** The API's operations on jobs, one to one. */
  readonly jobs: Jobs;
  readonly #options: ClientOptions;
  readonly #deps: GenerationDeps;

  constructor(options?: ClientOptions) {
    this.#options = { ...options };
    const { clock = systemClock } = this.#options;
    const http = createHttp(this.#options, clock);
    const create: CreateVideo = (...facts) => createVideo(http, clock, ...facts);
    this.jobs = createJobs(http, create);
    this.#deps = { http, clock, jobs: this.jobs, createVideo: create };
  }

  /**
   * Uploads what is not on the web, creates a job, and waits for its video.
   *
   * @example
   * const video = await avatar.generate({ image, audio }, { onUpdate: (job) => console.log(job.status) });
   */
  generate(input: GenerateInput, options?: GenerateOptions): Generation {
    const { onUpload, idempotencyKey, ...rest } = options ?? {};
    // The API tells by the hash that a call with the same key brings the same files again.
    const withHash = idempotencyKey !== undefined;
    let body: CreateJobInput;
    const prepare = async (signal: AbortSignal) => {
      body = await this.#sendFiles(input, { signal, onUpload, withHash });
    };
    const open = (signal?: AbortSignal) => this.jobs.create(body, { signal, idempotencyKey });
    return startGeneration({ prepare, open }, this.#deps, rest);
  }

  /**
   * Uploads what is not on the web and creates a job, without waiting for it. If it is aborted, the job is canceled.
   *
   * @example
   * const { id } = await avatar.submit({ image, audio });
   * const video = await avatar.resume(id); // when it suits you, in whichever process
   */
  submit(input: GenerateInput, options?: SubmitOptions): Promise<Job> {
    return this.#within(options, async (bounds: SubmitOptions) => {
      const { signal, retry, idempotencyKey } = bounds;
      const body = await this.#sendFiles(input, { ...bounds, withHash: idempotencyKey !== undefined });
      signal?.throwIfAborted();
      // Only its answer names the job to cancel, so it goes on when nobody waits any more.
      const created = this.jobs.create(body, { retry, idempotencyKey });
      const cancel = () => created.then(({ id }) => this.jobs.cancel(id)).catch(() => {});
      signal?.addEventListener("abort", cancel);
      return created;
    });
  }

  /**
   * Waits for a job that exists: after a restart, or in another process.
   *
   * @example
   * const video = await avatar.resume("job_0f8c…");
   */
  resume(id: string, options?: ResumeOptions): Generation {
    const open = (signal?: AbortSignal) => this.jobs.get(id, { signal });
    return startGeneration({ id, open }, this.#deps, options ?? {});
  }

  /**
   * Puts a file on the server, to be used in one or more jobs.
   *
   * @example
   * const image = await avatar.upload(portrait);
   */
  upload(media: Exclude<Media, Upload | URL | string>, options?: UploadOptions): Promise<Upload> {
    return this.#within(options, async (bounds) => {
      const send = await declareFile(this.#deps.http, await inspect(media, undefined, bounds.signal), bounds);
      return send();
    });
  }

  /**
   * Looks at the files without sending a byte: their first bytes, sizes, and what the headers of PNG, JPEG, WebP and WAV
   * say. What it finds the API would refuse; what it does not find, such as a missing face, the API still may. Uploads and
   * URLs are not looked at, nor are a stream and a `Response`, which that would use up.
   *
   * @returns nothing where nothing is wrong
   *
   * @example
   * const issues = await avatar.check({ image, audio });
   */
  check(input: Pick<GenerateInput, MediaKind>, options?: CheckOptions): Promise<InputIssue[]> {
    return this.#deps.http.guard(async () => {
      const { check } = await import("./check.ts");
      const given = { ...input };
      const look = async (kind: MediaKind) => (await reference(given[kind])) ?? sniff(given[kind], kind);
      return check(given, look, options?.limits);
    });
  }

  /**
   * What a job would take, cost and wait. Uploads what is not on the web; nothing is queued and no GPU is used. Give
   * uploads to send files once for the estimate and the job.
   *
   * @example
   * const { cost, etaSeconds, warnings } = await avatar.estimate({ image, audio });
   */
  estimate(input: GenerateInput, options?: UploadOptions): Promise<JobEstimate> {
    return this.#within(options, async (bounds) => {
      const body = await this.#sendFiles(input, bounds);
      const request = {
        method: "POST",
        path: "/v1/estimate",
        body,
        requestTimeoutMs: filesTimeoutMs(body),
      } as const;
      return this.#deps.http.call(() => request, bounds);
    });
  }

  /**
   * What the keys of your owner did, by day, and what this key has left. Default: this month to date.
   *
   * @example
   * const { totals, limits } = await avatar.usage({ from: "2026-11-01", to: "2026-11-30" });
   */
  usage(days?: GetUsageInput, options?: CallOptions): Promise<Usage> {
    return this.#deps.http.call(() => ({ method: "GET", path: "/v1/usage", query: { ...days } }), options);
  }

  /**
   * What the API takes as files and settings, and how long it keeps them.
   *
   * @example
   * const { audio } = await avatar.limits();
   * console.log(`up to ${audio.maxSeconds} s of speech`);
   */
  limits(options?: CallOptions): Promise<Limits> {
    return this.#deps.http.call(() => ({ method: "GET", path: "/v1/limits" }), options);
  }

  /**
   * The key that this client uses, without the key itself.
   *
   * @example
   * const { mode, scopes, limits } = await avatar.key();
   */
  key(options?: CallOptions): Promise<Key> {
    return this.#deps.http.call(() => ({ method: "GET", path: "/v1/keys/current" }), options);
  }

  /**
   * A call with the answer that it got, for its headers.
   *
   * @example
   * const { data, response, attempts } = await avatar.raw((client) => client.jobs.get(id));
   */
  raw<T>(call: (client: Avatar) => PromiseLike<T>): Promise<Raw<T>> {
    return this.#deps.http.guard(async () => {
      const { callRaw } = await import("./raw.ts");
      return (await callRaw<Avatar, T>(this, this.#options, call)) ?? refuse("invalid_input", "noRequest");
    });
  }

  /**
   * A client with some other options.
   *
   * @example
   * const patient = avatar.with({ retry: { budgetMs: 10 * 60_000 } });
   */
  with(options: ClientOptions): Avatar {
    return new Avatar({ ...this.#options, ...options });
  }

  #within<T>(options: UploadOptions | undefined, work: (bounds: UploadOptions) => Promise<T>): Promise<T> {
    return this.#deps.http.guard(() => withinBounds(options, (signal) => work({ ...options, signal })));
  }

  /** @returns the input of a job, once both files are where the API finds them */
  async #sendFiles(
    input: GenerateInput,
    options: UploadOptions & { withHash?: boolean },
  ): Promise<CreateJobInput> {
    const given = { ...input };
    const look = async (kind: MediaKind) =>
      (await reference(given[kind])) ?? inspect(given[kind], kind, options.signal);
    const declare = async (file: string | SniffedFile) =>
      typeof file === "string" ? async () => ({ id: file }) : declareFile(this.#deps.http, file, options);
    // Both are looked at, here and by the API, before a byte of either is sent.
    const files = await Promise.all([look("image"), look("audio")]);
    const sends = await Promise.all(files.map(declare));
    const [image = "", audio = ""] = await Promise.all(sends.map(async (send) => (await send()).id));
    return { ...given, image, audio };
  }
}
