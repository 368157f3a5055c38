import type { ErrorCode } from "./errors.ts";

export interface RequestFacts {
  method: string;
  /** Without the query, which in a signed link is a secret. */
  url: string;
  /** Which try of the request it is: 1 for the first. */
  attempt: number;
}

/**
 * A request is about to be sent.
 *
 * @example
 * const label = ({ method, url, attempt }: RequestEvent) => `${method} ${url} (${attempt})`;
 */
export interface RequestEvent extends RequestFacts {
  type: "request";
}

/**
 * An answer has come, a good one or an error; its body is not read yet.
 *
 * @example
 * const label = ({ status, ms, requestId }: ResponseEvent) => `${status} after ${ms} ms, ${requestId}`;
 */
export interface ResponseEvent extends RequestFacts {
  type: "response";
  status: number;
  /** From the request to the head of the answer. */
  ms: number;
  requestId?: string | undefined;
  /** Requests that the key may still send within its minute. */
  rateLimitRemaining?: number | undefined;
  /** The `Deprecation` header, where the operation will go away. */
  deprecation?: string | undefined;
  /** The `Sunset` header: when it goes away. */
  sunset?: string | undefined;
}

/**
 * A request has failed and is sent again after a pause.
 *
 * @example
 * const label = ({ reason, delayMs }: RetryEvent) => `${reason}: again in ${delayMs} ms`;
 */
export interface RetryEvent {
  type: "retry";
  reason: ErrorCode;
  /** How often it was sent so far. */
  attempt: number;
  delayMs: number;
}

/**
 * What happens on the wire. No event holds a key, a header of yours, a body, or the query of a link.
 *
 * @example
 * const avatar = new Avatar({ onEvent: (event: ClientEvent) => console.debug(event) });
 */
export type ClientEvent = RequestEvent | ResponseEvent | RetryEvent;
