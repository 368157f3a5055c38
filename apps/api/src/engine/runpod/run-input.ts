import type { WorkerInput } from "@avatar/contract/worker";
import type { z } from "zod";
import type { ObjectStore } from "../../storage/object-store.ts";
import type { EngineInput, EngineRun } from "../engine.ts";

/** What the worker is told: links that live as long as the run can. */
export async function toWorkerInput(
  store: ObjectStore,
  run: EngineRun,
  deadlineSeconds: number,
): Promise<z.input<typeof WorkerInput>> {
  const expiresAt = run.linksUntil;
  const get = async ({ key, bytes, sha256, contentType }: EngineInput) => ({
    url: await store.signGet(key, { expiresAt, contentType, fileName: "input" }),
    bytes,
    ...(sha256 !== undefined && { sha256 }),
  });
  const json = { contentType: "application/json", expiresAt };
  const [image, audio, claimPut, claimGet, video] = await Promise.all([
    get(run.image),
    get(run.audio),
    store.signPut(run.claimKey, { ...json, once: true }),
    store.signGet(run.claimKey, { ...json, fileName: "claim" }),
    store.signPut(run.videoKey, { contentType: "video/mp4", once: false, expiresAt }),
  ]);
  return {
    v: 1,
    op: "generate",
    runId: run.runId,
    ...(run.requestId !== undefined && { requestId: run.requestId }),
    image,
    audio,
    aspect: run.aspect,
    fit: run.fit,
    ...(run.prompt !== undefined && { prompt: run.prompt }),
    seed: run.seed,
    audioSeconds: run.audioSeconds,
    deadlineSeconds,
    claim: { put: claimPut, get: { url: claimGet } },
    video,
  };
}
