import { readFile } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { AbortedError, Avatar, type RetryEvent } from "@avatar/client";
import { keyModeOf } from "@avatar/contract/api-keys";
import type { Display } from "./display.ts";
import { CliError, EXIT, usageError } from "./exit-codes.ts";
import { seconds } from "./format.ts";
import { VERSION } from "./version.ts";

export type Env = Record<string, string | undefined>;

/** @returns the address of the API, without a slash at its end */
export function baseUrlOf(flag: string | undefined, env: Env): string {
  const text = flag ?? env.AVATAR_BASE_URL ?? "";
  const hint = "Pass --base-url https://… or set AVATAR_BASE_URL.";
  if (text === "") throw usageError("The address of the API is missing.", hint);
  if (!/^https?:\/\/./i.test(text) || !URL.canParse(text))
    throw usageError(`The address of the API is not an http(s) address: ${text}`, hint);
  return text.replace(/\/+$/, "");
}

export async function connect(
  baseUrl: string,
  keyFile: string | undefined,
  { env, stdin, display, signal }: { env: Env; stdin: Readable; display: Display; signal: AbortSignal },
): Promise<Avatar> {
  const apiKey = (
    keyFile === undefined ? (env.AVATAR_API_KEY ?? "") : await readKey(keyFile, stdin, signal)
  ).trim();
  if (apiKey === "") throw keyError("The API key is missing.");
  // It may be a key of something in between, which has others.
  if (apiKey.startsWith("avk_") && !keyModeOf(apiKey))
    throw keyError("The API key is mistyped or cut off: its checksum is wrong.");
  return new Avatar({
    apiKey,
    baseUrl,
    headers: { "user-agent": `avatar-cli/${VERSION}` },
    onEvent: (event) => event.type === "retry" && noteRetry(event, display),
  });
}

/** Once for each request, however often it is repeated. */
function noteRetry({ reason, attempt, delayMs }: RetryEvent, display: Display): void {
  const pause = delayMs < 1000 ? "" : ` in ${seconds(delayMs / 1000)}`;
  if (attempt === 1) display.note(`The API did not answer as it should (${reason}); trying again${pause}.`);
}

const keyError = (detail: string) => new CliError(EXIT.key, { code: "unauthorized", detail });

async function readKey(path: string, stdin: Readable, signal: AbortSignal): Promise<string> {
  try {
    return await (path === "-" ? text(addAbortSignal(signal, stdin)) : readFile(path, "utf8"));
  } catch (error) {
    if (signal.aborted) throw new AbortedError();
    throw usageError(`--key-file cannot be read: ${(error as Error).message}`);
  }
}
