import type { KeyMode } from "@avatar/contract/api-keys";
import type { ErrorCode } from "@avatar/contract/errors";
import type { Aspect, Fit, JobStatus, TestOutcome } from "@avatar/contract/types";
import { sql } from "drizzle-orm";
import {
  bigint,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  real,
  text,
  timestamp,
  uniqueIndex,
} from "drizzle-orm/pg-core";

const time = () => timestamp({ withTimezone: true, mode: "date", precision: 3 });

/** What customers asked for. This table is also the queue. */
export const jobs = pgTable(
  "jobs",
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    /** The key that made it; the parent of a child key. */
    keyId: text().notNull(),
    childKeyId: text(),
    mode: text().$type<KeyMode>().notNull().default("live"),
    status: text().$type<JobStatus>().notNull(),
    version: integer().notNull().default(1),
    createdAt: time().notNull(),
    updatedAt: time().notNull(),
    finishedAt: time(),
    /** When the state it is in has lasted too long; null in final states. */
    deadlineAt: time(),

    imageUploadId: text().notNull(),
    audioUploadId: text().notNull(),
    audioSeconds: doublePrecision().notNull(),
    aspect: text().$type<Aspect>().notNull(),
    fit: text().$type<Fit>().notNull(),
    prompt: text(),
    seed: bigint({ mode: "number" }).notNull(),
    metadata: jsonb().$type<Record<string, string>>().notNull(),
    ttlSeconds: integer().notNull(),
    /** What shall come of it, where a test key says so. */
    test: jsonb().$type<TestOutcome>(),

    /** The request that made it, and the place of that in a trace (W3C `traceparent`), for what is done about it later. */
    requestId: text(),
    traceparent: text(),

    idempotencyKey: text(),
    /** SHA-256 over the inputs and settings: tells a repeated request from another one. */
    fingerprint: text().notNull(),

    /** Not before this time (back-off after a failed run). */
    runAfter: time().notNull(),
    /** The run that may change this job; null while queued and in final states. */
    runId: text(),
    /** When its newest run began: owners take turns by it, and an owner's keys. */
    startedAt: time(),
    /** When that run began to render. */
    runningAt: time(),
    /** What it may take, as it was estimated when it was made: so much of quotas and budgets is kept for it until it is over. */
    estimatedGpuSeconds: integer().notNull().default(0),
    estimatedCostUsd: doublePrecision().notNull().default(0),
    /** Of all its runs. */
    billedSeconds: integer().notNull().default(0),
    costUsd: doublePrecision().notNull().default(0),
    /** Of the billed ones, those of runs that failed by our fault. */
    forgivenSeconds: integer().notNull().default(0),
    cold: boolean().notNull().default(false),
    progress: real().notNull().default(0),

    error: jsonb().$type<{ code: ErrorCode; detail: string }>(),
    videoKey: text(),
    videoBytes: bigint({ mode: "number" }),
    videoSha256: text(),
    videoWidth: integer(),
    videoHeight: integer(),
    videoSeconds: doublePrecision(),
    videoExpiresAt: time(),
  },
  (table) => [
    index("jobs_owner_created").on(table.owner, table.createdAt, table.id),
    uniqueIndex("jobs_idempotency").on(table.owner, table.idempotencyKey),
    index("jobs_queue")
      .on(table.mode, table.owner, table.keyId, table.createdAt, table.id)
      .where(sql`${table.status} = 'queued'`),
    index("jobs_owner_started")
      .on(table.mode, table.owner, table.startedAt)
      .where(sql`${table.startedAt} is not null`),
    index("jobs_key_started").on(table.keyId, table.startedAt).where(sql`${table.startedAt} is not null`),
    index("jobs_unfinished").on(table.keyId).where(sql`${table.deadlineAt} is not null`),
    index("jobs_deadline").on(table.deadlineAt).where(sql`${table.deadlineAt} is not null`),
    index("jobs_video_expiry").on(table.videoExpiresAt).where(sql`${table.videoKey} is not null`),
    index("jobs_finished").on(table.finishedAt),
    index("jobs_succeeded").on(table.mode, table.finishedAt).where(sql`${table.videoBytes} is not null`),
    index("jobs_child_key")
      .on(table.childKeyId, table.createdAt, table.id)
      .where(sql`${table.childKeyId} is not null`),
    index("jobs_image_upload").on(table.imageUploadId),
    index("jobs_audio_upload").on(table.audioUploadId),
  ],
);
