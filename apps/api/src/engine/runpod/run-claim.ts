import { z } from "zod";
import { ObjectNotFound, type ObjectStore } from "../../storage/object-store.ts";

/** What a worker writes when it takes a run: gpu-worker/src/avatar_worker/claim.py. */
const WorkerClaim = z.object({ runpodJobId: z.string().min(1).max(200) });

const MAX_BYTES = 4096;
const FENCE = new TextEncoder().encode(JSON.stringify({ closed: true }));

/** Whoever writes a run's claim first has the run. A worker does, to render it; we do, so that none ever will. */
export function createRunClaims(store: ObjectStore) {
  /** RunPod's id of the job whose worker has the run, or undefined. @throws StorageUnavailable */
  async function claimant(claimKey: string): Promise<string | undefined> {
    const object = await store.head(claimKey);
    if (!object || object.bytes > MAX_BYTES) return undefined;
    const chunks: Uint8Array[] = [];
    try {
      for await (const chunk of await store.read(claimKey)) chunks.push(chunk);
      return WorkerClaim.parse(JSON.parse(Buffer.concat(chunks).toString())).runpodJobId;
    } catch (error) {
      if (error instanceof ObjectNotFound || error instanceof SyntaxError || error instanceof z.ZodError)
        return undefined;
      throw error;
    }
  }

  return {
    claimant,

    /** Unless a worker has the run, none can take it any more. @returns as `claimant` */
    async close(claimKey: string): Promise<string | undefined> {
      return (await store.putNew(claimKey, FENCE, "application/json")) ? undefined : claimant(claimKey);
    },
  };
}
