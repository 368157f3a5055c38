import type { JobResult, Video as VideoFacts } from "@avatar/contract/types";
import { AbortedError, type AvatarError, ConnectionError } from "./errors.ts";
import { type CallOptions, type Http, orConnectionError, REQUEST_TIMEOUT_MS } from "./http.ts";
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
  /** A link that works without a key for at least a minute, unless the video expires sooner. */
  url(options?: CallOptions): Promise<string>;
  /** The file as it arrives, fetched once somebody reads. */
  stream(options?: StreamOptions): ReadableStream<Uint8Array>;
  /** The whole file in memory. */
  blob(options?: Bounds): Promise<Blob>;
}

export type CreateVideo = (jobId: string, facts: VideoFacts, link?: JobResult) => Video;

const SHORTEST_LINK_MS = 60_000;

export const jobPath = (id: string) => `/v1/jobs/${encodeURIComponent(id)}`;

export const getResult = (http: Http, jobId: string, options?: CallOptions) =>
  http.call<JobResult>({ method: "GET", path: `${jobPath(jobId)}/result` }, options);

export function createVideo(
  http: Http,
  clock: Clock,
  jobId: string,
  facts: VideoFacts,
  known?: JobResult,
): Video {
  let link = known;

  async function url(options?: CallOptions): Promise<string> {
    const leftMs = link ? Date.parse(link.urlExpiresAt) - clock.now() : 0;
    if (!link || leftMs < SHORTEST_LINK_MS) link = await getResult(http, jobId, options);
    return link.url;
  }

  function stream({ signal: userSignal }: StreamOptions = {}): ReadableStream<Uint8Array> {
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    let address = "";
    let stop = (_reason: AvatarError) => {};

    async function open(signal: AbortSignal): Promise<ReadableStreamDefaultReader<Uint8Array>> {
      const old = link;
      address = await url({ signal });
      try {
        const { body } = await http.open({ method: "GET", url: address }, { signal });
        return (body ?? new Blob([]).stream()).getReader();
      } catch (error) {
        // By a clock that is behind, an old link seems to be alive when it is dead.
        if ((error as AvatarError).status !== 403 || link !== old) throw error;
        link = undefined;
        return open(signal);
      }
    }

    async function read(signal: AbortSignal) {
      const current = reader ?? (await open(signal));
      reader = current;
      const bounds = { signal, timeoutMs: REQUEST_TIMEOUT_MS };
      return withinBounds(bounds, () => orConnectionError(address, () => current.read()));
    }

    // With a mark of 0 nothing is fetched before somebody reads.
    return new ReadableStream<Uint8Array>(
      {
        async pull(out) {
          try {
            const chunk = await withinBounds({ signal: userSignal }, (signal, abort) => {
              stop = abort;
              return read(signal);
            });
            if (chunk.done) out.close();
            else out.enqueue(chunk.value);
          } catch (error) {
            reader?.cancel().catch(() => {}); // Frees the connection.
            throw error;
          }
        },
        cancel(reason) {
          stop(new AbortedError(reason));
          return reader?.cancel(reason);
        },
      },
      { highWaterMark: 0 },
    );
  }

  return {
    ...facts,
    jobId,
    expiresAt: new Date(facts.expiresAt),
    url,
    stream,
    async blob(options = {}) {
      const headers = { "content-type": facts.contentType };
      const collect = (signal: AbortSignal) => new Response(stream({ signal }), { headers }).blob();
      const blob = await withinBounds(options, collect);
      if (blob.size === facts.bytes) return blob;
      const detail = `The video has ${facts.bytes} bytes, but ${blob.size} arrived.`;
      throw new ConnectionError({ code: "download_mismatch", detail, retryable: true, jobId });
    },
  };
}
