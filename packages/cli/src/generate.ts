import { defineCommand } from "./command.ts";
import { usageError } from "./exit-codes.ts";
import { durationMs } from "./flags.ts";
import { orStopped } from "./follow.ts";
import { FILES_NOTE, JOB_OPTIONS, jobInput, showUploads } from "./job-input.ts";
import { checkOutput } from "./output-file.ts";
import { progressOf } from "./progress.ts";
import { OUTPUT_OPTIONS, resumeCommand, saveVideo } from "./save-video.ts";
import { WAIT_OPTIONS } from "./wait-options.ts";

export const generate = defineCommand({
  name: "generate",
  summary: "make a video of a portrait and a recording",
  operands: ["<portrait>", "<recording>"],
  options: {
    ...OUTPUT_OPTIONS,
    ...JOB_OPTIONS,
    "idempotency-key": {
      type: "string",
      value: "<text>",
      help: "runs with the same key, files and settings make one job",
    },
    detach: { type: "boolean", help: "do not wait: print the id of the job" },
    ...WAIT_OPTIONS,
  },
  notes: [
    FILES_NOTE,
    "Ctrl-C cancels the job and waits until that is confirmed; a second one quits at once.",
  ],
  prepare(values, operands) {
    const { output: path, detach, force } = values;
    if (detach && path !== undefined)
      throw usageError("--detach saves no video.", "Leave out -o, or --detach.");
    if (!detach && !path) throw usageError("Where to? -o is missing.", "Pass -o video.mp4, or --detach.");
    const idempotencyKey = values["idempotency-key"];
    if (idempotencyKey !== undefined && !/^[!-~]{1,255}$/.test(idempotencyKey))
      throw usageError(
        "--idempotency-key takes 1 to 255 letters, digits and signs of ASCII, without spaces.",
      );
    const input = jobInput(values, operands);
    const timeoutMs = durationMs("--timeout", values.timeout);

    return async (context) => {
      const { avatar, display, stop, print } = context;
      const output = path === undefined ? undefined : { path, force };
      if (output) await checkOutput(output.path, output.force);
      if (timeoutMs !== undefined) stop.after(timeoutMs, `${values.timeout}`);

      const wait = new AbortController();
      const { isSending, onUpload } = showUploads(input, display, { label: "Creating the job" });
      const generation = avatar.generate(input, {
        idempotencyKey,
        signal: wait.signal,
        onAbort: "leave",
        onUpdate: (job) => display.show(progressOf(job)),
        onUpload,
      });
      const following = {
        generation,
        wait,
        onStop: values["leave-running"] || detach ? ("leave" as const) : ("cancel" as const),
        isSending,
        resumeCommand: resumeCommand(path),
      };
      if (output) {
        const video = await orStopped(generation, following, context);
        return saveVideo(video, { generation, output }, context);
      }
      const jobId = await orStopped(generation.id, following, context);
      wait.abort();
      display.note(`The job goes on without us. Its video: ${following.resumeCommand(jobId)}`);
      print({ job: generation.job ?? { id: jobId } }, jobId);
    };
  },
});
