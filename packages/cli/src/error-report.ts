import type { AvatarError, ErrorCode, InputIssue, Issue } from "@avatar/client";
import { EXIT, exitCodeOf } from "./exit-codes.ts";
import { plain, seconds } from "./format.ts";

/** The client's hints are for programmers who call it. */
const HINTS: Record<string, string> = {
  unauthorized: "Set AVATAR_API_KEY, or pass --key-file. `avatar keys check` tells what a key may do.",
  unexpected_response: "Check that --base-url or AVATAR_BASE_URL is the address of the API.",
  media_type_mismatch: "Name the portrait first, then the recording.",
  connection: "Check --base-url or AVATAR_BASE_URL, and your connection.",
};

const hintOf = ({ code, hint }: { code: ErrorCode; hint?: string | undefined }) => HINTS[code] ?? hint;

/** Of a file, it has a code and a hint of its own. */
const issueText = ({ path, message, ...file }: Issue & Partial<Pick<InputIssue, "code" | "hint">>) => {
  const hint = file.code === undefined ? undefined : hintOf({ code: file.code, hint: file.hint });
  return plain([path && `${path}:`, message, hint].filter(Boolean).join(" "));
};

/** The page about the code, which the API itself serves. */
const docsOf = ({ docs }: AvatarError, baseUrl: string | undefined) =>
  docs?.startsWith("/") && baseUrl !== undefined ? baseUrl + docs : docs;

/** A job that may still come to its video. */
const isUnderWay = (error: AvatarError) =>
  error.jobId !== undefined && ([EXIT.unavailable, EXIT.failure] as number[]).includes(exitCodeOf(error));

/** What happened, what to do about it, and what to quote. */
export function errorText(error: AvatarError, baseUrl: string | undefined, isColored: boolean): string {
  const paint = (code: number, text: string) => (isColored ? `\x1b[${code}m${text}\x1b[0m` : text);
  const { code, detail, jobId, requestId, issues, retryAfterMs, attempts } = error;
  const facts = [
    ["code", code === "usage" ? undefined : code],
    ["job", jobId],
    ["request", requestId],
    ["tries", attempts > 1 ? String(attempts) : undefined],
    ["docs", docsOf(error, baseUrl)],
    ["resume", isUnderWay(error) ? `avatar resume ${jobId} -o <video.mp4>` : undefined],
  ].flatMap(([name = "", value]) =>
    value === undefined ? [] : [`  ${paint(2, name.padEnd(8))} ${plain(value)}`],
  );
  return [
    `${paint(31, "Error:")} ${plain(detail)}`,
    ...issues.map((issue) => `  ${issueText(issue)}`),
    ...[hintOf(error)].flatMap((hint) => (hint ? [plain(hint)] : [])),
    ...(retryAfterMs === undefined ? [] : [`Try again in ${seconds(retryAfterMs / 1000)}.`]),
    ...facts,
  ].join("\n");
}

/** The same for programs, in one line. Its fields are only ever added to. */
export function errorJson(error: AvatarError, baseUrl: string | undefined): string {
  const { message, name, ...facts } = error.toJSON() as Record<string, unknown>;
  return JSON.stringify({
    error: { ...facts, hint: hintOf(error), docs: docsOf(error, baseUrl), exitCode: exitCodeOf(error) },
  });
}
