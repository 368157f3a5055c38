import { lookup } from "node:dns/promises";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { ObjectTooLarge } from "../storage/object-store.ts";
import { allowedUrl, hostOf } from "./allowed-url.ts";
import { createFetchScope, type FetchScope } from "./fetch-scope.ts";
import { tooManyRedirects, tooSlow, unreachable } from "./url-errors.ts";
import { cut, type Network, requestUrl } from "./url-request.ts";

const MAX_REDIRECTS = 3;
const REDIRECTS = [301, 302, 303, 307, 308];

const TIME_LIMITS = {
  /** From a URL, or a redirect, to the headers of the answer. */
  answerMs: 10_000,
  /** Without a byte of the body. */
  stallMs: 10_000,
  /** From the call to the last byte. */
  totalMs: 60_000,
};

interface Deps extends Partial<Network> {
  timeLimits?: Partial<typeof TIME_LIMITS>;
}

/** A file behind a URL that is read, once, while it arrives. Its end, breaking off and failing close the connection. */
export interface RemoteFile extends AsyncIterable<Uint8Array> {
  /** As declared; absent where the server does not know. */
  bytes: number | undefined;
  /** For a file that may not have been read. Harmless afterwards. */
  close(): void;
}

interface Options {
  signal: AbortSignal;
  maxBytes?: number;
}

export type OpenUrl = ReturnType<typeof createUrlOpener>;

/** Opens the URLs of customers in such a way that they reach the internet alone, never a network of ours. */
export function createUrlOpener({ resolve = lookUp, dial = connectTo, ca, timeLimits }: Deps = {}) {
  const network: Network = { resolve, dial, ca };
  const { answerMs, stallMs, totalMs } = { ...TIME_LIMITS, ...timeLimits };

  /** Follows redirects; where each leads is checked like the first URL. */
  async function follow(text: string, scope: FetchScope) {
    let url = allowedUrl(text);
    for (let redirects = 0; ; redirects++) {
      const host = hostOf(url);
      const late = () => tooSlow(`The server at ${host} did not answer within ${seconds(answerMs)}.`);
      const response = await scope.within(answerMs, late, () => requestUrl(url, network, scope.signal));
      if (!REDIRECTS.includes(response.statusCode ?? 0)) return { response, host };
      cut(response.socket);
      if (redirects === MAX_REDIRECTS) throw tooManyRedirects(MAX_REDIRECTS);
      const { location } = response.headers;
      if (location === undefined) throw unreachable(`The redirect of ${host} leads nowhere`);
      url = allowedUrl(Buffer.from(location, "latin1").toString(), url); // sent in UTF-8, read as Latin-1
    }
  }

  async function* read(response: IncomingMessage, host: string, scope: FetchScope) {
    const stalled = () => tooSlow(`The server at ${host} sent nothing for ${seconds(stallMs)}.`);
    try {
      const chunks: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]();
      for (;;) {
        // Node fails the read when the connection ends before the declared bytes, or the last chunk, have come.
        const chunk = await scope.within(stallMs, stalled, () => chunks.next());
        if (chunk.done) return;
        yield chunk.value;
      }
    } catch (error) {
      throw scope.fail(unreachable(`The server at ${host} broke off`, error));
    } finally {
      scope.close();
    }
  }

  /**
   * Reading the file throws the same as opening it.
   * @throws AppError `url_…`; `ObjectTooLarge` when more than `maxBytes` are declared; the reason of `signal`.
   */
  return async (text: string, { signal, maxBytes = Infinity }: Options): Promise<RemoteFile> => {
    signal.throwIfAborted();
    const scope = createFetchScope(signal);
    scope.limit(totalMs, () => tooSlow(`The file did not arrive within ${seconds(totalMs)}.`));
    try {
      const { response, host } = await follow(text, scope);
      const bytes = declaredBytes(response, host);
      if (bytes !== undefined && bytes > maxBytes) throw new ObjectTooLarge(maxBytes);
      const body = read(response, host, scope);
      return { bytes, close: scope.close, [Symbol.asyncIterator]: () => body };
    } catch (error) {
      throw scope.fail(error);
    }
  };
}

function declaredBytes({ statusCode, headers }: IncomingMessage, host: string): number | undefined {
  if (statusCode !== 200) throw unreachable(`The server at ${host} answered ${statusCode}`);
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding.toLowerCase() !== "identity") throw unreachable(`The server at ${host} compressed the file`);
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

async function lookUp(host: string): Promise<string[]> {
  return (await lookup(host, { all: true, order: "verbatim" })).map(({ address }) => address);
}

const connectTo = (host: string, port: number) => connect({ host, port });

const seconds = (ms: number) => `${ms / 1000} s`;
