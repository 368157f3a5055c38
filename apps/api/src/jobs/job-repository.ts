import type { KeyMode } from "@avatar/contract/api-keys";
import type { JobStatus } from "@avatar/contract/types";
import { and, asc, type Column, desc, eq, inArray, isNotNull, lt, max, or, type SQL, sql } from "drizzle-orm";
import type { Caller } from "../api-keys/caller.ts";
import type { PageCursor } from "../cursor.ts";
import type { Db } from "../db/client.ts";
import { nextVersion } from "../db/next-version.ts";
import { jobs } from "../db/schema/schema.ts";
import { addUsage, usageOf } from "../db/usage-counters.ts";
import { allowedFrom } from "./job-lifecycle.ts";

export type JobRow = typeof jobs.$inferSelect;
export type NewJobRow = typeof jobs.$inferInsert;
export type JobRepository = ReturnType<typeof createJobRepository>;

/** Whose jobs are looked for. */
export type Viewer = Pick<Caller, "owner" | "mode" | "childKeyId">;

const visibleTo = ({ owner, mode, childKeyId }: Viewer) =>
  and(
    eq(jobs.owner, owner),
    eq(jobs.mode, mode),
    childKeyId === undefined ? undefined : eq(jobs.childKeyId, childKeyId),
  );

export interface UnfinishedJob {
  id: string;
  owner: string;
  keyId: string;
  status: "queued" | "starting" | "running";
  audioSeconds: number;
  progress: number;
  createdAt: Date;
  /** It is not taken before. */
  runAfter: Date;
  startedAt: Date | null;
  runningAt: Date | null;
  /** When the last job of its owner began, and of its key. */
  servedAt: Date | null;
  keyServedAt: Date | null;
}

export interface RecentJob {
  audioSeconds: number;
  /** Null where nobody saw it begin to render. */
  startSeconds: number | null;
  runSeconds: number;
  /** Of all its runs. */
  billedSeconds: number;
}

export function createJobRepository(db: Db) {
  // Built once: to build it anew took twice as long as all else of a request for a job.
  const findStatement = db
    .select()
    .from(jobs)
    .where(
      and(
        eq(jobs.id, sql.placeholder("id")),
        eq(jobs.owner, sql.placeholder("owner")),
        eq(jobs.mode, sql.placeholder("mode")),
      ),
    )
    .prepare("find_job");

  return {
    async find(viewer: Viewer, id: string): Promise<JobRow | undefined> {
      const { owner, mode, childKeyId } = viewer;
      const [row] = await findStatement.execute({ id, owner, mode });
      return row && (childKeyId === undefined || row.childKeyId === childKeyId) ? row : undefined;
    },

    async findByIdempotencyKey(owner: string, key: string): Promise<JobRow | undefined> {
      const [row] = await db
        .select()
        .from(jobs)
        .where(and(eq(jobs.owner, owner), eq(jobs.idempotencyKey, key)));
      return row;
    },

    /** Gives a key back that is older than `createdBefore`. */
    async freeIdempotencyKey(owner: string, key: string, createdBefore: Date): Promise<void> {
      await db
        .update(jobs)
        .set({ idempotencyKey: null })
        .where(and(eq(jobs.owner, owner), eq(jobs.idempotencyKey, key), lt(jobs.createdAt, createdBefore)));
    },

    async list(
      viewer: Viewer,
      limit: number,
      status: JobStatus | undefined,
      after: PageCursor | undefined,
    ): Promise<JobRow[]> {
      return db
        .select()
        .from(jobs)
        .where(
          and(
            visibleTo(viewer),
            status && eq(jobs.status, status),
            after &&
              or(
                lt(jobs.createdAt, after.createdAt),
                and(eq(jobs.createdAt, after.createdAt), lt(jobs.id, after.id)),
              ),
          ),
        )
        .orderBy(desc(jobs.createdAt), desc(jobs.id))
        .limit(limit);
    },

    /** The oldest `limit` jobs of the mode that are not over, oldest first. */
    async listUnfinished(mode: KeyMode, limit: number): Promise<UnfinishedJob[]> {
      const { id, owner, keyId, status, audioSeconds, progress, createdAt, runAfter } = jobs;
      const { startedAt, runningAt } = jobs;
      const isUnfinished = and(isNotNull(jobs.deadlineAt), eq(jobs.mode, mode));
      const keys = db.selectDistinct({ owner, keyId }).from(jobs).where(isUnfinished).as("keys");
      const lastOf = (who: SQL | undefined, name: string) =>
        db
          .select({ at: max(startedAt).as(`${name}_at`) })
          .from(jobs)
          .where(and(who, isNotNull(startedAt)))
          .as(name);
      const ofOwner = lastOf(and(eq(jobs.mode, mode), eq(owner, keys.owner)), "of_owner");
      const ofKey = lastOf(eq(keyId, keys.keyId), "of_key");
      const served = db
        .select({ owner: keys.owner, keyId: keys.keyId, servedAt: ofOwner.at, keyServedAt: ofKey.at })
        .from(keys)
        .crossJoinLateral(ofOwner)
        .crossJoinLateral(ofKey)
        .as("served");
      const rows = await db
        .select({
          ...{ id, owner, keyId, status, audioSeconds, progress, createdAt, runAfter, startedAt, runningAt },
          servedAt: served.servedAt,
          keyServedAt: served.keyServedAt,
        })
        .from(jobs)
        .innerJoin(served, and(eq(served.owner, owner), eq(served.keyId, keyId)))
        .where(isUnfinished)
        .orderBy(asc(jobs.createdAt), asc(jobs.id))
        .limit(limit);
      return rows as UnfinishedJob[];
    },

    /** The latest `limit` jobs of the mode that succeeded. */
    async listRecent(mode: KeyMode, limit: number): Promise<RecentJob[]> {
      const seconds = (from: SQL | Column, to: SQL | Column) =>
        sql<number>`extract(epoch from ${to} - ${from})::double precision`;
      const { startedAt, runningAt, finishedAt } = jobs;
      return db
        .select({
          audioSeconds: jobs.audioSeconds,
          billedSeconds: jobs.billedSeconds,
          startSeconds: seconds(startedAt, runningAt) as SQL<number | null>,
          runSeconds: seconds(sql`coalesce(${runningAt}, ${startedAt})`, finishedAt),
        })
        .from(jobs)
        .where(
          and(eq(jobs.mode, mode), isNotNull(jobs.videoBytes), isNotNull(startedAt), isNotNull(finishedAt)),
        )
        .orderBy(desc(finishedAt))
        .limit(limit);
    },

    /** Ends a job from outside its run. Undefined where the move is not legal; the database decides races. */
    async end(
      viewer: Viewer,
      id: string,
      to: "canceled" | "expired",
      now: Date,
    ): Promise<JobRow | undefined> {
      return db.transaction(async (tx) => {
        const [row] = await tx
          .update(jobs)
          .set({
            status: to,
            version: nextVersion,
            updatedAt: now,
            ...(to === "canceled" && { finishedAt: now, deadlineAt: null, runId: null }),
            // Should its video not be deleted right away, the sweeper finds it.
            ...(to === "expired" && { videoExpiresAt: now }),
          })
          .where(and(eq(jobs.id, id), visibleTo(viewer), inArray(jobs.status, allowedFrom(to))))
          .returning();
        if (row && to === "canceled") await addUsage(tx, now, [{ ...usageOf(row), canceled: 1 }]);
        return row;
      });
    },
  };
}
