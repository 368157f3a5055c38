import { AvatarError, type Generation, type Video } from "@avatar/client";
import { saveTo } from "@avatar/client/node";
import type { Context } from "./command.ts";
import { CliError, EXIT, exitCodeOf } from "./exit-codes.ts";
import { stopped } from "./follow.ts";
import { bytes, dollars, quoted, seconds } from "./format.ts";
import { checkOutput } from "./output-file.ts";

export interface Output {
  path: string;
  /** Write over what is there. */
  force: boolean | undefined;
}

export const OUTPUT_OPTIONS = {
  output: { type: "string", short: "o", value: "<video.mp4>", help: "where to save the video" },
  force: { type: "boolean", short: "f", help: "write over a file that exists" },
} as const;

export const resumeCommand = (output: string | undefined) => (jobId: string) =>
  `avatar resume ${jobId} -o ${output === undefined ? "<video.mp4>" : quoted(output)}`;

/** Downloads the video of a generation and tells of it. */
export async function saveVideo(
  video: Video,
  { generation, output }: { generation: Generation; output: Output },
  context: Context,
): Promise<void> {
  const { display, stop, print } = context;
  const { jobId, width, height, durationSeconds } = video;
  const { path, force } = output;
  const hint = `The video is kept on the server: ${resumeCommand(path)(jobId)}`;
  display.show({ label: "Saving" });
  try {
    await checkOutput(path, force); // It may be there by now.
    await saveTo(video, path, { signal: stop.signal });
  } catch (error) {
    if (stop.signal.aborted) throw stopped(context, " while the video was being saved.", { jobId, hint });
    if (!AvatarError.is(error)) {
      const detail = `The video could not be saved: ${(error as Error).message}.`;
      throw new CliError(EXIT.failure, { code: "not_saved", detail, hint, jobId, cause: error });
    }
    const { code, detail, requestId } = error;
    throw new CliError(exitCodeOf(error), { code, detail, hint, jobId, requestId, cause: error });
  }
  display.end();
  const { job } = generation;
  const cost = job?.cost.usd ? `, ${dollars(job.cost.usd)}` : "";
  const total = job?.timings.total === undefined ? "" : `, made in ${seconds(job.timings.total)}`;
  display.note(
    `Saved: ${width}x${height}, ${durationSeconds.toFixed(1)} s, ${bytes(video.bytes)}${cost}${total}.`,
  );
  print({ path, job }, path);
}
