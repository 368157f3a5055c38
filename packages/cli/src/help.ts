import { COMMON, type Command, type Option } from "./command.ts";
import { EXIT_CODES } from "./exit-codes.ts";
import { table } from "./format.ts";

const usageOf = ({ name, operands, options }: Command) =>
  ["avatar", name, ...operands, ...("output" in options ? ["-o <video.mp4>"] : []), "[options]"].join(" ");

const optionRows = (options: Record<string, Option>): string[][] =>
  Object.entries(options).map(([name, { short, value, help }]) => [
    `  ${short ? `-${short}, ` : "    "}--${name}${value ? ` ${value}` : ""}`,
    help,
  ]);

export function programHelp(commands: readonly Command[]): string {
  return `Makes talking videos: one portrait and one recording in, an MP4 out.

  avatar generate face.jpg speech.mp3 -o talking.mp4

Commands (avatar <command> --help tells the options of each)
${table(commands.map(({ name, operands, summary }) => [`  ${[name, ...operands].join(" ")}`, summary]))}

Options of every command
${table(optionRows(COMMON))}
        --version

Environment
  AVATAR_API_KEY    the API key
  AVATAR_BASE_URL   the address of the API
  NO_COLOR          no colors

Exit codes
${table(EXIT_CODES.map(([code, meaning]) => [`  ${String(code).padStart(3)}`, meaning]))}`;
}

export function commandHelp(command: Command): string {
  const { summary, options, notes = [] } = command;
  return [
    `Usage: ${usageOf(command)}\n`,
    `${summary[0]?.toUpperCase()}${summary.slice(1)}.`,
    ...notes,
    "",
    table([...optionRows(options), ...optionRows(COMMON)]),
  ].join("\n");
}
