import { defineCommand } from "./command.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { toMedia } from "./job-input.ts";

export const checkFiles = defineCommand({
  name: "check",
  summary: "look at the two files here, without sending a byte",
  operands: ["<portrait>", "<recording>"],
  options: {},
  notes: ["What it finds the API would refuse; a missing face, for one, only the API can find."],
  isLocal: true,
  prepare: (_, [portrait = "", recording = ""]) => {
    const input = { image: toMedia(portrait), audio: toMedia(recording) };
    return async ({ avatar, print }) => {
      const issues = await avatar.check(input);
      if (issues.length === 0) return print({ issues }, "Nothing is wrong with the files.");
      const detail = "The API would not take the files.";
      throw new CliError(EXIT.refused, { code: "invalid_input", detail, issues });
    };
  },
});
