import type { JobResult, Video as VideoFacts } from "@avatar/contract/types";
import type { Download } from "./download.ts";
import { AvatarError, ConnectionError } from "./errors.ts";
import type { CallOptions, Http } from "./http.ts";
import { refuse } from "./refuse.ts";
import type { Clock } from "./retry.ts";
import { type Bounds, withinBounds } from "./scope.ts";

/**
 * Options of a download that is read piece by piece.
 *
 * @example
 * for await (const chunk of video.stream({ signal })) out.write(chunk);
 */
export interface StreamOptions {
  signal?: AbortSignal | undefined;
}

/**
 * A finished video on the server.
 *
 * @example
 * element.src = await video.url();
 * console.log(`${video.width}x${video.height}, ${video.durationSeconds} s, kept until ${video.expiresAt}`);
 */
export interface Video {
  readonly jobId: string;
  readonly width: number;
  readonly height: number;
  readonly durationSeconds: number;
  readonly bytes: number;
  /** SHA-256 of the file, in hex. */
  readonly sha256: string;
  readonly contentType: "video/mp4";
  /** When the video is deleted. */
  readonly expiresAt: Date;
  /** A link that works without a key for at least a minute. In its last minute the video counts as expired. */
  url(options?: CallOptions): Promise<string>;
  /**
   * The file as it arrives, fetched once somebody reads. Goes on where a connection broke, and ends with an error if the
   * SHA-256 of the whole is not `sha256`.
   */
  stream(options?: StreamOptions): ReadableStream<Uint8Array>;
  /** The whole file in memory, fetched and checked in the same way. */
  blob(options?: Bounds): Promise<Blob>;
}

export type CreateVideo = (jobId: string, facts: VideoFacts, link?: JobResult) => Video;

const SHORTEST_LINK_MS = 60_000;

/** An id that is none could lead to another route. */
export function jobPath(id: string): string {
  if (typeof id === "string" && /^[\w-]+$/.test(id)) return `/v1/jobs/${id}`;
  throw new AvatarError({ code: "invalid_input", detail: "That is not the id of a job." });
}

export const getResult = (http: Http, jobId: string, options?: CallOptions) =>
  http.call<JobResult>(() => ({ method: "GET", path: `${jobPath(jobId)}/result` }), options);

export function createVideo(
  http: Http,
  clock: Clock,
  jobId: string,
  facts: VideoFacts,
  known?: JobResult,
): Video {
  let link = known;

  const leftMs = () => (link ? Date.parse(link.urlExpiresAt) - clock.now() : 0);

  async function renew(options?: CallOptions, isNew = false): Promise<string> {
    if (!link || isNew || leftMs() < SHORTEST_LINK_MS) link = await getResult(http, jobId, options);
    return link.url;
  }

  function stream(options?: StreamOptions): ReadableStream<Uint8Array> {
    let download: Promise<Download> | undefined;
    const start = async () => {
      const { createDownload } = await import("./download.ts");
      return createDownload({ ...facts, http, signal: options?.signal, link: renew, jobId, ConnectionError });
    };
    // With a mark of 0 nothing is fetched before somebody reads.
    return new ReadableStream<Uint8Array>(
      {
        pull: (out) =>
          http.guard(async () => {
            download ??= start();
            const piece = await (await download).read();
            if (piece) out.enqueue(piece);
            else out.close();
          }),
        cancel: async (reason) => (await download)?.stop(reason),
      },
      { highWaterMark: 0 },
    );
  }

  return {
    ...facts,
    jobId,
    expiresAt: new Date(facts.expiresAt),
    url: (options) =>
      http.guard(async () => {
        const address = await renew(options);
        if (leftMs() >= SHORTEST_LINK_MS) return address;
        return refuse("video_expired", "dyingVideo", [], jobId);
      }),
    stream,
    blob: (options) =>
      withinBounds(options, async (signal) => {
        const file = await new Response(stream({ signal })).blob();
        // A slice has the type that it is given: Bun takes none from the header of an answer that we make.
        return file.slice(0, facts.bytes, facts.contentType);
      }),
  };
}
