import { defineCommand } from "./command.ts";
import { usageError } from "./exit-codes.ts";
import { durationMs } from "./flags.ts";
import { orStopped } from "./follow.ts";
import { checkOutput } from "./output-file.ts";
import { progressOf } from "./progress.ts";
import { OUTPUT_OPTIONS, resumeCommand, saveVideo } from "./save-video.ts";
import { WAIT_OPTIONS } from "./wait-options.ts";

export const resume = defineCommand({
  name: "resume",
  summary: "wait for a job that exists, and save its video",
  operands: ["<job>"],
  options: { ...OUTPUT_OPTIONS, ...WAIT_OPTIONS },
  notes: ["Ctrl-C cancels the job, unless it leaves it running: see --leave-running."],
  prepare(values, [id = ""]) {
    const { output: path, force } = values;
    if (!path) throw usageError("Where to? -o is missing.", "Pass -o video.mp4.");
    const timeoutMs = durationMs("--timeout", values.timeout);
    return async (context) => {
      const { avatar, display, stop } = context;
      await checkOutput(path, force);
      if (timeoutMs !== undefined) stop.after(timeoutMs, `${values.timeout}`);
      const wait = new AbortController();
      const generation = avatar.resume(id, {
        signal: wait.signal,
        onAbort: "leave",
        onUpdate: (job) => display.show(progressOf(job)),
      });
      const following = {
        generation,
        wait,
        onStop: values["leave-running"] ? ("leave" as const) : ("cancel" as const),
        isSending: () => false,
        resumeCommand: resumeCommand(path),
      };
      const video = await orStopped(generation, following, context);
      return saveVideo(video, { generation, output: { path, force } }, context);
    };
  },
});
