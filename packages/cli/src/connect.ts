import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { Avatar, type ClientOptions } from "@avatar/client";
import { usageError } from "./exit-codes.ts";
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
  stdin: NodeJS.ReadableStream,
  options: ClientOptions,
): Promise<Avatar> {
  const apiKey = keyFile === undefined ? undefined : await readKey(keyFile, stdin);
  return new Avatar({ ...options, apiKey, baseUrl, headers: { "user-agent": `avatar-cli/${VERSION}` } });
}

async function readKey(path: string, stdin: NodeJS.ReadableStream): Promise<string> {
  try {
    return (path === "-" ? await text(stdin) : await readFile(path, "utf8")).trim();
  } catch (error) {
    throw usageError(`--key-file cannot be read: ${(error as Error).message}`);
  }
}
