import { createHash } from "node:crypto";
import { EngineError } from "../engine/engine.ts";
import { objectSource } from "../media/byte-source.ts";
import { checkVideo } from "../media/check-video.ts";
import { inspectVideo, VideoUnplayable } from "../media/inspect-video.ts";
import { ObjectNotFound, type ObjectStore } from "../storage/object-store.ts";

/** Facts of a video as it lies in the store. */
export interface StoredVideo {
  bytes: number;
  /** Hex. */
  sha256: string;
  width: number;
  height: number;
  seconds: number;
}

export type CheckVideo = ReturnType<typeof createVideoCheck>;

/** No job succeeds without a video that is there, is whole, and is as long as its recording. */
export function createVideoCheck(store: ObjectStore) {
  /** @throws EngineError `render_failed`, with what is wrong as its cause; StorageUnavailable */
  return async (key: string, audioSeconds: number): Promise<StoredVideo> => {
    const object = await store.head(key);
    if (!object) throw failed(`there is no object ${key}`);
    const { bytes, contentType = "video/mp4" } = object;
    if (contentType !== "video/mp4") throw failed(`the video's type is ${contentType}`);
    try {
      const facts = await inspectVideo(objectSource(store, key, bytes));
      checkVideo(facts, audioSeconds);
      const { width, height, videoSeconds } = facts;
      return { bytes, sha256: await hashOf(store, key), width, height, seconds: videoSeconds };
    } catch (error) {
      if (error instanceof VideoUnplayable || error instanceof ObjectNotFound) throw failed(error.message);
      throw error;
    }
  };
}

async function hashOf(store: ObjectStore, key: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of await store.read(key)) hash.update(chunk);
  return hash.digest("hex");
}

const failed = (reason: string) =>
  new EngineError("render_failed", "The engine delivered no video that plays.", { cause: new Error(reason) });
