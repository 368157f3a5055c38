import { AvatarError, type ErrorFacts } from "@avatar/client";

export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  key: 3,
  refused: 4,
  limit: 5,
  jobFailed: 6,
  jobCanceled: 7,
  unavailable: 8,
  timeout: 9,
  interrupted: 130,
} as const;

/** For `--help`; the README has the same. */
export const EXIT_CODES: readonly [number, string][] = [
  [EXIT.ok, "done"],
  [EXIT.failure, "something else failed, such as writing the video"],
  [EXIT.usage, "the command is wrong, or -o exists"],
  [EXIT.key, "the API key is missing, not valid, or may not do this"],
  [EXIT.refused, "a file, a setting or an id was refused"],
  [EXIT.limit, "a limit or a budget is used up"],
  [EXIT.jobFailed, "the job failed, or its video is deleted"],
  [EXIT.jobCanceled, "the job was canceled"],
  [EXIT.unavailable, "the API cannot be reached, or fails"],
  [EXIT.timeout, "--timeout has passed"],
  [EXIT.interrupted, "Ctrl-C; 143 after SIGTERM, 129 after SIGHUP"],
];

/** An error of this program, which knows its exit code. */
export class CliError extends AvatarError {
  override readonly name = "CliError";
  readonly exitCode: number;

  constructor(exitCode: number, facts: ErrorFacts) {
    super(facts);
    this.exitCode = exitCode;
  }
}

/** The command itself is wrong. */
export const usageError = (detail: string, hint?: string) =>
  new CliError(EXIT.usage, { code: "usage", detail, hint });

export function exitCodeOf(error: AvatarError): number {
  if (error instanceof CliError) return error.exitCode;
  const { name, code, status } = error;
  if (name === "JobFailedError" || code === "video_expired") return EXIT.jobFailed;
  if (code === "job_canceled") return EXIT.jobCanceled;
  if (code === "unauthorized" || status === 401 || status === 403) return EXIT.key;
  if (status === 402 || status === 429) return EXIT.limit;
  if (code === "download_mismatch" || code === "unexpected") return EXIT.failure;
  if (["connection", "timeout", "unexpected_response"].includes(code)) return EXIT.unavailable;
  // Without a status it was refused here, before it was sent.
  return status !== undefined && (status >= 500 || code === `http_${status}`)
    ? EXIT.unavailable
    : EXIT.refused;
}
