import { parseArgs } from "node:util";
import type { Avatar, CallOptions } from "@avatar/client";
import type { Display } from "./display.ts";
import { usageError } from "./exit-codes.ts";
import type { Stop } from "./stop.ts";
import { suggestion } from "./suggestion.ts";

/** A flag, as `parseArgs` takes it and as `--help` tells it. */
export interface Option {
  type: "string" | "boolean";
  short?: string;
  multiple?: boolean;
  /** What stands for its value in `--help`. */
  value?: string;
  help: string;
}

type Options = Record<string, Option>;

type Values<O extends Options> = {
  [Name in keyof O]?: O[Name] extends { type: "boolean" }
    ? boolean
    : O[Name] extends { multiple: true }
      ? string[]
      : string;
};

/** What a command works with. */
export interface Context {
  avatar: Avatar;
  stop: Stop;
  display: Display;
  isJson: boolean;
  /** For calls that a person sits and waits for. */
  brief: CallOptions;
  /** The result, and nothing else: as one line of JSON with `--json`, else as text. */
  print(result: unknown, text: string): void;
}

export interface Command<O extends Options = Options> {
  /** `jobs list` */
  name: string;
  summary: string;
  /** What has to follow: `<portrait>`. */
  operands: readonly string[];
  options: O;
  /** Lines above the options in `--help`. */
  notes?: readonly string[];
  /** It needs neither an API nor a key. */
  isLocal?: boolean;
  /** Reads its arguments before anything is sent. @returns what is then done */
  prepare(values: Values<O>, operands: string[]): (context: Context) => Promise<void>;
}

/** Keeps the types of its options; the list of all commands does not need them. */
export const defineCommand = <const O extends Options>(command: Command<O>) => command as unknown as Command;

export const COMMON = {
  json: { type: "boolean", help: "print JSON: the result on stdout, an error on stderr" },
  quiet: { type: "boolean", short: "q", help: "show no progress" },
  "base-url": { type: "string", value: "<url>", help: "address of the API; default AVATAR_BASE_URL" },
  "key-file": {
    type: "string",
    value: "<path>",
    help: "read the API key from a file, - for stdin; default AVATAR_API_KEY",
  },
  help: { type: "boolean", short: "h", help: "show this" },
} as const satisfies Options;

export type CommonValues = Values<typeof COMMON>;

export interface Parsed {
  values: CommonValues;
  operands: string[];
}

const NO_API_KEY_FLAG =
  "A key on the command line is seen by other users of the machine and stays in your shell's history. " +
  "Set AVATAR_API_KEY, or use --key-file.";

export function parseCommand({ name, options, operands }: Command, args: string[]): Parsed {
  const config = { args, options: { ...COMMON, ...options }, allowPositionals: true };
  const { tokens } = parseArgs({ ...config, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== "option" || Object.hasOwn(config.options, token.name)) continue;
    const known = Object.keys(config.options).map((name) => `--${name}`);
    const hint = token.name === "api-key" ? NO_API_KEY_FLAG : suggestion(token.rawName, known);
    throw usageError(`There is no option ${token.rawName} here.`, hint);
  }
  const { values, positionals } = parse(config);
  if (positionals.length !== operands.length) {
    const given = positionals.length === 0 ? "nothing is given" : `given is ${positionals.join(" ")}`;
    const detail = `Expected ${operands.join(" ") || "nothing more"}, but ${given}.`;
    throw usageError(detail, `\`avatar ${name} --help\` tells more.`);
  }
  return { values, operands: positionals };
}

function parse(config: Parameters<typeof parseArgs>[0]) {
  try {
    return parseArgs(config);
  } catch (error) {
    throw usageError(`${(error as Error).message.split("\n")[0]?.replace(/\.?$/, ".")}`);
  }
}
