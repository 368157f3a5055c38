import type { MediaKind } from "@avatar/contract/limits";
import type { CreateJobInput, JobSettings } from "@avatar/contract/types";
import { type Generation, type GenerationDeps, type ResumeOptions, startGeneration } from "./generation.ts";
import { createHttp, type Http } from "./http.ts";
import { createJobs, type Jobs } from "./jobs.ts";
import { type Media, reference, type SniffedFile, sniff, type Upload } from "./media.ts";
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
  readonly #deps: GenerationDeps & { http: Http };

  constructor(options: ClientOptions = {}) {
    const { clock = systemClock } = options;
    const http = createHttp(options, clock);
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
  generate(input: GenerateInput, options: GenerateOptions = {}): Generation {
    const { onUpload, idempotencyKey, ...rest } = options;
    // The API tells by the hash that a call with the same key brings the same files again.
    const withHash = idempotencyKey !== undefined;
    const look = async (media: Media, kind: MediaKind) => reference(media) ?? sniff(media, kind);
    let body: CreateJobInput;
    const prepare = async (signal: AbortSignal) => {
      const declare = async (file: string | SniffedFile) =>
        typeof file === "string"
          ? async () => ({ id: file })
          : declareFile(this.#deps.http, file, { signal, onUpload, withHash });
      // Both are looked at, here and by the API, before a byte of either is sent.
      const files = await Promise.all([look(input.image, "image"), look(input.audio, "audio")]);
      const sends = await Promise.all([declare(files[0]), declare(files[1])]);
      const [image, audio] = await Promise.all([sends[0](), sends[1]()]);
      body = { ...input, image: image.id, audio: audio.id };
    };
    const open = (signal?: AbortSignal) => this.jobs.create(body, { signal, idempotencyKey });
    return startGeneration({ prepare, open }, this.#deps, rest);
  }

  /**
   * Waits for a job that exists: after a restart, or in another process.
   *
   * @example
   * const video = await avatar.resume("job_0f8c…");
   */
  resume(id: string, options: ResumeOptions = {}): Generation {
    const open = (signal?: AbortSignal) => this.jobs.get(id, { signal });
    return startGeneration({ id, open }, this.#deps, options);
  }

  /**
   * Puts a file on the server, to be used in one or more jobs.
   *
   * @example
   * const image = await avatar.upload(portrait);
   */
  upload(media: Exclude<Media, Upload | URL | string>, options: UploadOptions = {}): Promise<Upload> {
    return withinBounds(options, async (signal) => {
      const send = await declareFile(this.#deps.http, await sniff(media), { ...options, signal });
      return send();
    });
  }
}
