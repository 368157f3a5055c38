import {
  createTRPCClient,
  httpBatchLink,
  httpLink,
  httpSubscriptionLink,
  splitLink,
  type TRPCClient,
  type TRPCLink,
} from "@trpc/client";
import { newIdempotencyKey } from "./idempotency-key.ts";
import { createEventSource } from "./trpc-event-source.ts";
import type { AvatarRouter } from "./trpc-router.ts";
import { createSend, type TrpcClientOptions } from "./trpc-send.ts";

export { toAvatarError } from "./trpc-errors.ts";
export type { AvatarRouter, AvatarRouterError } from "./trpc-router.ts";
export type { TrpcClientOptions } from "./trpc-send.ts";

/**
 * A typed tRPC client. Queries made at once go in one request; each mutation goes alone with an `Idempotency-Key` of its
 * own, or with `context.idempotencyKey`; subscriptions send the key, too, which a browser's EventSource cannot. Requests
 * are sent again where that is safe. All but subscriptions is one to one what {@link Avatar.jobs} does over REST.
 *
 * @example
 * const api = createAvatarTrpcClient({ baseUrl: "https://avatar.example.com", apiKey: fetchShortLivedKey });
 * const job = await api.jobs.create.mutate({ image: upload1.id, audio: upload2.id }, { context: { idempotencyKey: "order-7" } });
 * for await (const { data } of api.jobs.watch.subscribe({ id: job.id })) console.log(data.status);
 */
export function createAvatarTrpcClient(options: TrpcClientOptions = {}): TRPCClient<AvatarRouter> {
  const send = createSend(options);
  const http = { url: PATH, fetch: send as Fetch };
  return createTRPCClient<AvatarRouter>({
    links: [
      splitLink({
        condition: ({ type }) => type === "subscription",
        true: httpSubscriptionLink({ url: PATH, EventSource: createEventSource(send) }),
        false: splitLink({
          condition: ({ type }) => type === "mutation",
          // The API refuses batches with a mutation: the header is one for the whole request.
          true: [
            withIdempotencyKey,
            httpLink({ ...http, headers: ({ op }) => idempotencyHeader(op.context) }),
          ],
          false: httpBatchLink(http),
        }),
      }),
    ],
  });
}

/** What it is beside is known once a request is sent. */
const PATH = "/trpc";

/** tRPC calls it with text alone, though its type has more. */
type Fetch = NonNullable<Parameters<typeof httpLink>[0]["fetch"]>;

/** Made here, before the first try, so that all tries have the same. */
const withIdempotencyKey: TRPCLink<AvatarRouter> =
  () =>
  ({ op, next }) =>
    next({
      ...op,
      context: { ...op.context, idempotencyKey: op.context.idempotencyKey ?? newIdempotencyKey() },
    });

const idempotencyHeader = ({ idempotencyKey }: Record<string, unknown>) => ({
  "idempotency-key": String(idempotencyKey),
});
