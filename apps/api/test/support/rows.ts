import { createApiKeyRepository, type NewApiKeyRow } from "../../src/api-keys/api-key-repository.ts";
import { generateKey, hashKey } from "../../src/api-keys/generate-key.ts";
import { jobs } from "../../src/db/schema/schema.ts";
import { newId } from "../../src/ids.ts";
import type { JobRow, NewJobRow } from "../../src/jobs/job-repository.ts";
import type { TestApi } from "./test-api.ts";

/** The owner of the key that every test API starts with. */
export const OWNER = "owner_default";

const HOUR_MS = 3_600_000;

/** A job that is there already, in any state; no file of it exists. */
export async function insertJob({ db }: Pick<TestApi, "db">, job: Partial<NewJobRow> = {}): Promise<JobRow> {
  const [row] = await db.insert(jobs).values(aJobRow(job)).returning();
  if (!row) throw new Error("nothing was inserted");
  return row;
}

export function aJobRow(job: Partial<NewJobRow> = {}): NewJobRow {
  const now = new Date();
  const id = newId("job");
  return {
    id,
    owner: OWNER,
    keyId: "key_1",
    status: "queued",
    createdAt: now,
    updatedAt: now,
    runAfter: new Date(now.getTime() + HOUR_MS), // The dispatcher leaves it alone.
    imageUploadId: "upload_1",
    audioUploadId: "upload_2",
    audioSeconds: 3,
    aspect: "auto",
    fit: "crop",
    seed: 7,
    metadata: {},
    ttlSeconds: 21_600,
    fingerprint: "",
    ...STATES[job.status ?? "queued"](now, id),
    ...job,
  };
}

/** The columns that each state requires. */
const STATES: Record<JobRow["status"], (now: Date, id: string) => Partial<NewJobRow>> = {
  queued: () => ({}),
  starting: () => ({}),
  running: () => ({ progress: 0.25 }),
  succeeded: (now, id) => ({ finishedAt: now, ...aVideo(now, id) }),
  failed: (now) => ({ finishedAt: now, error: { code: "no_face", detail: "No face was found." } }),
  canceled: (now) => ({ finishedAt: now }),
  expired: (now, id) => ({ finishedAt: now, ...aVideo(now, id), videoKey: null }),
};

export const aVideo = (now: Date, id: string): Partial<NewJobRow> => ({
  videoKey: `videos/${id}/run_1.mp4`,
  videoBytes: 1000,
  videoSha256: "0".repeat(64),
  videoWidth: 1280,
  videoHeight: 720,
  videoSeconds: 3,
  videoExpiresAt: new Date(now.getTime() + 6 * HOUR_MS),
});

/** @returns a new key of `owner`, with all scopes but `admin`. */
export async function insertKey(
  api: Pick<TestApi, "db">,
  owner: string,
  { mode = "live", ...row }: Partial<NewApiKeyRow> = {},
): Promise<string> {
  const key = generateKey(mode);
  const at = new Date();
  const values = { id: newId("key"), owner, name: "test", mode, hash: hashKey(key), lastFour: key.slice(-4) };
  await createApiKeyRepository(api.db).insert({ ...values, createdAt: at, ...row }, { actor: "test", at });
  return key;
}
