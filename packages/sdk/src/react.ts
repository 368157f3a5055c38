"use client";
import { useEffect, useState, useSyncExternalStore } from "react";
import {
  createGenerationStore,
  type GenerationActions,
  type GenerationState,
  isPending,
} from "./generation-store.ts";
import type { Avatar, ResumeOptions } from "./index.ts";

export type { GenerationActions, GenerationState } from "./generation-store.ts";

/**
 * Options of {@link useGeneration}.
 *
 * @example
 * const options: UseGenerationOptions = { onAbort: "leave" };
 */
export interface UseGenerationOptions {
  /**
   * What happens to a job when its page is left, its component unmounts, or another generation takes its place: `cancel`
   * stops the GPU, `leave` lets it finish, so that `resume` can pick it up. Default `cancel`.
   */
  onAbort?: ResumeOptions["onAbort"];
}

/**
 * What {@link useGeneration} gives. The functions are the same at every render.
 *
 * @example
 * const Progress = ({ status, job }: GenerationHook) => status === "running" && <progress value={job.progress} />;
 */
export type GenerationHook = GenerationState &
  GenerationActions & {
    /** Something is under way that `cancel` stops. */
    isPending: boolean;
  };

/**
 * One video at a time, from two files to a link that plays. Make the client outside of the component.
 *
 * @example
 * const avatar = new Avatar({ apiKey: fetchShortLivedKey, baseUrl: "https://avatar.example.com" });
 *
 * function Talk({ image, audio }: { image: File; audio: File }) {
 *   const { start, cancel, isPending, status, url, error } = useGeneration(avatar);
 *   if (url) return <video src={url} controls autoPlay />;
 *   if (isPending) return <button onClick={cancel}>{status} … stop</button>;
 *   return <button onClick={() => start({ image, audio })}>{error?.hint ?? "Generate"}</button>;
 * }
 */
export function useGeneration(
  avatar: Pick<Avatar, "generate" | "resume">,
  { onAbort }: UseGenerationOptions = {},
): GenerationHook {
  const [store] = useState(() => createGenerationStore({ avatar, onAbort }));
  useEffect(() => store.use({ avatar, onAbort }), [store, avatar, onAbort]);
  useEffect(() => store.mount(), [store]);
  const state = useSyncExternalStore(store.subscribe, store.getState, store.getState);
  return { ...state, ...store.actions, isPending: isPending(state) };
}
