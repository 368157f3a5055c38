import type { ClientOptions } from "./settings.ts";

/**
 * What {@link Avatar.raw} resolves to.
 *
 * @example
 * const { response }: Raw<Job> = await avatar.raw((client) => client.jobs.get(id));
 * console.log(response.headers.get("ratelimit-remaining"));
 */
export interface Raw<T> {
  data: T;
  /** The last one, where the call sent several requests. Its body has been read: `data` is made of it. */
  response: Response;
  requestId: string | undefined;
  /** How often the last request was sent. */
  attempts: number;
}

/** @returns undefined where the call has sent no request */
export async function callRaw<Client extends { with(options: ClientOptions): Client }, T>(
  client: Client,
  { fetch: send = fetch, onEvent }: ClientOptions,
  call: (client: Client) => PromiseLike<T>,
): Promise<Raw<T> | undefined> {
  let response: Response | undefined;
  let attempts = 0;
  const data = await call(
    client.with({
      async fetch(url, init) {
        response = await send(url, init);
        return response;
      },
      onEvent(event) {
        if (event.type === "request") attempts = event.attempt;
        return onEvent?.(event);
      },
    }),
  );
  const requestId = response?.headers.get("x-request-id") ?? undefined;
  return response && { data, response, requestId, attempts };
}
