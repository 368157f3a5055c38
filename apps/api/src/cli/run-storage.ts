import { type Config, parseConfig } from "../config.ts";
import { StartError } from "../start-error.ts";
import { checkDisk } from "../storage/disk-check.ts";
import { type Finding, toText } from "../storage/findings.ts";

interface Options {
  args: readonly string[];
  env: Record<string, string | undefined>;
  say: (text: string) => void;
  now?: () => Date;
}

const USAGE = `Usage:
  storage check            tries all that the server does with its store, and says what to mend
  storage setup            prints the rules that an R2 bucket needs, and what they are for
  storage setup --apply    puts them; this needs an API token that may administrate the bucket`;

/** @returns the exit code: 0 if all is well, 1 if not, 2 where nothing could be tried */
export async function runStorage({ args, env, say, now = () => new Date() }: Options): Promise<number> {
  const command = args.join(" ");
  if (!["check", "setup", "setup --apply"].includes(command)) {
    say(USAGE);
    return 2;
  }
  try {
    const config = parseConfig(env);
    const sayRedacted = (text: string) => say(redact(text, config));
    return command === "check"
      ? await check(config, sayRedacted, now)
      : await setup(config, sayRedacted, command === "setup --apply");
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    say(error.message);
    return 2;
  }
}

async function check(config: Config, say: (text: string) => void, now: () => Date): Promise<number> {
  const counts = { ok: 0, warning: 0, FAILED: 0 };
  const report = (finding: Finding) => {
    counts[finding.result]++;
    say(toText(finding));
  };
  if (config.r2) {
    const { checkR2 } = await import("../storage/r2-check.ts");
    await checkR2({ config: config.r2, lifetimes: config, now, report });
  } else {
    const listeningUrl = `http://${config.host}:${config.port}`;
    await checkDisk({ dataDir: config.dataDir, publicBaseUrl: config.publicBaseUrl, listeningUrl, report });
  }
  say(`${counts.ok} ok, ${counts.warning} to look at, ${counts.FAILED} failed`);
  return counts.FAILED > 0 ? 1 : 0;
}

async function setup(config: Config, say: (text: string) => void, apply: boolean): Promise<number> {
  const { applySetup, setupText } = await import("../storage/r2-setup.ts");
  say(setupText(config));
  if (!apply) return 0;
  if (!config.r2) {
    say("Nothing to put: R2_ENDPOINT is not set, so files are kept in DATA_DIR, which needs no rules.");
    return 2;
  }
  return (await applySetup(config.r2, config, say)) ? 0 : 1;
}

/** Whatever a store or a library puts into its messages. */
function redact(text: string, { r2 }: Config): string {
  const hidden = text.replaceAll(/\S*X-Amz-(Signature|Credential)\S*/gi, "[signed link]");
  return r2 ? hidden.replaceAll(r2.secretAccessKey, "[secret]") : hidden;
}
