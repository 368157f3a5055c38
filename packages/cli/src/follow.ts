import { AvatarError, type Generation } from "@avatar/client";
import type { Context } from "./command.ts";
import { CliError, EXIT } from "./exit-codes.ts";

export interface Following {
  generation: Generation;
  /** Ends the wait; the generation was started with its signal and with `onAbort: "leave"`. */
  wait: AbortController;
  /** What becomes of the job when the program is told to stop. */
  onStop: "cancel" | "leave";
  /** Whether files are still going up, so that there can be no job yet. */
  isSending: () => boolean;
  /** How to come back to a job. */
  resumeCommand: (jobId: string) => string;
}

/**
 * Settles as `work` does. If the program is told to stop meanwhile, the job is canceled or left, and this rejects once
 * it is known what has become of it.
 */
export async function orStopped<T>(work: Promise<T>, following: Following, context: Context): Promise<T> {
  const { signal } = context.stop;
  let stopping: Promise<CliError> | undefined;
  const onStop = () => {
    const end = following.onStop === "leave" ? leave : cancel;
    stopping = end(following, context).finally(() => following.wait.abort());
  };
  signal.addEventListener("abort", onStop, { once: true });
  if (signal.aborted) onStop();
  try {
    const result = await work;
    if (!stopping) return result;
  } catch (error) {
    if (!stopping) throw error;
  } finally {
    signal.removeEventListener("abort", onStop);
  }
  throw await stopping;
}

const AGAIN = "Ctrl-C again quits at once.";

async function cancel({ generation, resumeCommand }: Following, context: Context): Promise<CliError> {
  context.display.note(`${context.stop.why}: canceling ${generation.job?.id ?? "the job"}. ${AGAIN}`);
  try {
    const { id, status } = await generation.cancel();
    if (status === "canceled") return stopped(context, ": the job is canceled.", { jobId: id });
    const hint = status === "succeeded" ? `Its video: ${resumeCommand(id)}` : undefined;
    return stopped(context, `, but the job had ended before: ${status}.`, { jobId: id, hint });
  } catch (error) {
    const { detail, jobId = generation.job?.id } = error as AvatarError;
    if (jobId === undefined) return withoutJob(error, context);
    const hint = `Try again: avatar jobs cancel ${jobId}`;
    return stopped(context, `, but the job could not be canceled. ${detail}`, { jobId, hint });
  }
}

async function leave({ generation, wait, isSending, resumeCommand }: Following, context: Context) {
  const { stop, display, print } = context;
  if (isSending()) wait.abort();
  else if (!generation.job) display.note(`${stop.why}: waiting for the id of the job. ${AGAIN}`);
  try {
    const jobId = await generation.id;
    print({ job: generation.job ?? { id: jobId } }, jobId);
    const hint = `Come back to it: ${resumeCommand(jobId)}`;
    return stopped(context, ": the job goes on without us.", { jobId, hint });
  } catch (error) {
    return withoutJob(error, context);
  }
}

function withoutJob(error: unknown, context: Context): CliError {
  if (AvatarError.is(error, "aborted")) return stopped(context, " before there was a job.", {});
  const hint = "Look for it: avatar jobs list";
  return stopped(context, `. Whether there is a job is not known. ${(error as AvatarError).detail}`, {
    hint,
  });
}

/** What the program ends with after it was told to stop. */
export function stopped(
  { stop }: Pick<Context, "stop">,
  outcome: string,
  facts: { jobId?: string | undefined; hint?: string | undefined },
): CliError {
  const code = stop.exitCode === EXIT.timeout ? "timeout" : "interrupted";
  return new CliError(stop.exitCode, { code, detail: stop.why + outcome, ...facts });
}
