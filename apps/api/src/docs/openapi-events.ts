import type { ErrorCode } from "@avatar/contract/errors";
import { WatchJobInput } from "@avatar/contract/schemas";
import { z } from "zod";
import { COMMON_ERRORS } from "../trpc/init.ts";

const { properties } = z.toJSONSchema(WatchJobInput) as {
  properties: Record<keyof z.input<typeof WatchJobInput>, Record<string, string | number>>;
};
const headers = { "X-Request-Id": { $ref: "#/components/headers/RequestId" } };

/** tRPC has the same as a subscription, of which trpc-to-openapi makes nothing. */
export const EVENTS_OPERATION = {
  operationId: "events",
  summary: "Watch a job",
  description:
    "A stream of server-sent events: the job as it is, then each newer state until a final one, which ends the stream. " +
    "A slow reader gets the latest state, not each one in between. Where a stream breaks off, come again with the last " +
    "`id` as `Last-Event-ID`; every EventSource does.",
  tags: ["jobs"],
  security: [{ bearer: [] }, { header: [] }],
  parameters: [
    { name: "id", in: "path", required: true, schema: properties.id },
    { name: "after", in: "query", schema: properties.after },
    { name: "Last-Event-ID", in: "header", schema: properties.lastEventId },
  ],
  responses: {
    200: {
      description:
        "The `id` of an event is the job's `version`, its `data` the job as status tells it. Lines that begin with a " +
        "colon keep the connection and mean nothing.",
      headers,
      content: {
        "text/event-stream": {
          // Of what kind a stream's schema tells, this version of OpenAPI leaves open.
          schema: {},
          example: 'retry: 2000\n\nid: 1\ndata: {"id":"job_…","version":1,"status":"queued",…}\n\n:\n\n',
        },
      },
    },
    204: {
      description:
        "The job is final, in the state that `Last-Event-ID` or `after` names: there will be nothing more",
      headers,
    },
  },
};

export const EVENTS_ERRORS: ErrorCode[] = [
  "invalid_input",
  "unknown_field",
  ...COMMON_ERRORS,
  "insufficient_scope",
  "job_not_found",
];
