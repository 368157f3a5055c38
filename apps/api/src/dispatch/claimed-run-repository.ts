import { eq, inArray } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { Db } from "../db/client.ts";
import { jobs, type runs, uploads } from "../db/schema/schema.ts";
import type { JobRow } from "../jobs/job-repository.ts";
import type { RunRef } from "./run-keys.ts";

export interface ClaimedRun extends RunRef {
  job: JobRow;
  image: UploadRow | null;
  audio: UploadRow | null;
  startedAt: Date;
  /** On a remote engine. */
  linksUntil: Date | null;
  /** Set where another process followed it before. */
  resumed: { externalId: string | null; begunAt: Date | null } | undefined;
}

type UploadRow = typeof uploads.$inferSelect;

/** Those of the runs whose jobs are there, with all that an engine needs to know. */
export async function loadRuns(
  tx: Db,
  rows: (typeof runs.$inferSelect)[],
  isResumed: boolean,
): Promise<ClaimedRun[]> {
  if (rows.length === 0) return [];
  const image = alias(uploads, "image");
  const audio = alias(uploads, "audio");
  const found = await tx
    .select({ job: jobs, image, audio })
    .from(jobs)
    .leftJoin(image, eq(image.id, jobs.imageUploadId))
    .leftJoin(audio, eq(audio.id, jobs.audioUploadId))
    .where(
      inArray(
        jobs.id,
        rows.map((run) => run.jobId),
      ),
    );
  const byJob = new Map(found.map((each) => [each.job.id, each]));
  return rows.flatMap((run) => {
    const of = byJob.get(run.jobId);
    const { id: runId, jobId, startedAt, linksUntil } = run;
    const resumed = isResumed ? { externalId: run.externalId, begunAt: run.begunAt } : undefined;
    return of ? [{ runId, jobId, startedAt, linksUntil, resumed, ...of }] : [];
  });
}
