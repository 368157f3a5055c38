import { ConfigError, parseConfig } from "../config.ts";
import { StartError } from "../start-error.ts";
import { withDatabase } from "./with-database.ts";

interface Options {
  args: readonly string[];
  env: Record<string, string | undefined>;
  say: (text: string) => void;
  sayError: (text: string) => void;
}

const USAGE = `Usage:
  migrate    brings the schema of the database up to date, as the server does when it starts;
             to do it beforehand, with DATABASE_URL or DATA_DIR as the server has them`;

/** @returns the exit code: 0 if all is well, 1 if not, 2 where nothing could be tried */
export async function runMigrate({ args, env, say, sayError }: Options): Promise<number> {
  if (args.length > 0) {
    const isHelp = ["-h", "--help"].includes(args.join(" "));
    (isHelp ? say : sayError)(USAGE);
    return isHelp ? 0 : 2;
  }
  try {
    const config = parseConfig(env);
    await withDatabase(config, async () => {});
    const where = "url" in config.database ? "at DATABASE_URL" : `in ${config.database.dataDir}`;
    say(`The schema of the database ${where} is up to date.`);
    return 0;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    sayError(error.message);
    return error instanceof ConfigError ? 2 : 1;
  }
}
