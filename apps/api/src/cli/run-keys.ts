import type { Key, NewKey } from "@avatar/contract/key-types";
import { createApiKeyRepository } from "../api-keys/api-key-repository.ts";
import { type ApiKeyService, createApiKeyService, DEFAULT_OWNER } from "../api-keys/api-key-service.ts";
import { generateKey } from "../api-keys/generate-key.ts";
import { ConfigError, parseConfig } from "../config.ts";
import { DataDirInUse } from "../db/data-dir-lock.ts";
import { AppError } from "../errors.ts";
import { newId } from "../ids.ts";
import { StartError } from "../start-error.ts";
import { createKeyEvents } from "../telemetry/events.ts";
import { createLogger } from "../telemetry/logger.ts";
import {
  auditInput,
  createInput,
  listInput,
  noInput,
  refusal,
  revokeInput,
  rotateInput,
  UsageError,
} from "./key-flags.ts";
import { auditTable, keyTable } from "./key-tables.ts";
import { withDatabase } from "./with-database.ts";

interface Options {
  args: readonly string[];
  env: Record<string, string | undefined>;
  /** What was asked for. */
  say: (text: string) => void;
  /** What is to be said of it. */
  sayError: (text: string) => void;
  now?: () => Date;
}

const ACTOR = "cli";

const USAGE = `Usage:
  keys create              makes a key and shows it, this once
    --owner <text>         whose jobs it sees; default ${DEFAULT_OWNER}, which also has the server's first key
    --name <text>          to tell it from others; default ${ACTOR}
    --mode live|test       default live
    --scopes <list>        of generate, read and admin; default generate,read
    --expires <when>       for example 90d, 12h or 2027-01-31T00:00:00Z; default never
    --requests-per-minute, --jobs-in-flight, --jobs-queued, --gpu-seconds-per-day, --usd-per-day,
    --usd-per-month <n>    limits of its own; default those of the server
  keys list                lists keys, newest first
    --owner <text>         only of this owner
  keys rotate <id>         gives a key a new text and shows it, this once
    --overlap <duration>   how long the old one works as well: 0 to 7d, default 24h
  keys revoke <id>         ends a key, and its child keys
  keys audit               tells who did what to which key, newest first
    --limit <n>            how many rows; default 50
  keys generate            prints a live key and stores nothing: for BOOTSTRAP_API_KEY

The database is the server's: DATABASE_URL, or else DATA_DIR, which one process uses at a time.`;

interface Context {
  apiKeys: ApiKeyService;
  say: (text: string) => void;
  sayError: (text: string) => void;
  now: () => Date;
}

/** Reads its arguments before anything is opened. @returns what is then done */
type Command = (args: readonly string[], now: () => Date) => (context: Context) => Promise<void>;

const COMMANDS: Record<string, Command> = {
  create(args, now) {
    const input = createInput(args, { owner: DEFAULT_OWNER, name: ACTOR }, now());
    return async ({ apiKeys, ...out }) => showOnce(await apiKeys.create(ACTOR, input), out);
  },
  list(args) {
    const input = listInput(args);
    return async ({ apiKeys, say, now }) => {
      const keys: Key[] = [];
      let cursor: string | undefined;
      do {
        const page = await apiKeys.list({ ...input, cursor });
        keys.push(...page.items);
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      say(keyTable(keys, now()));
    };
  },
  rotate(args) {
    const input = rotateInput(args);
    return async ({ apiKeys, ...out }) => showOnce(await apiKeys.rotate(ACTOR, input), out);
  },
  revoke(args) {
    const { id } = revokeInput(args);
    return async ({ apiKeys, say }) => {
      const { revokedAt } = await apiKeys.revoke(ACTOR, id);
      say(`${id} is revoked since ${revokedAt}. Within a second no server takes it any more.`);
    };
  },
  audit(args) {
    const { limit } = auditInput(args);
    return async ({ apiKeys, say }) => say(auditTable(await apiKeys.listAudit(limit)));
  },
};

/** @returns the exit code: 0 if all is well, 1 if it failed, 2 where the arguments or the configuration are wrong */
export async function runKeys({
  args,
  env,
  say,
  sayError,
  now = () => new Date(),
}: Options): Promise<number> {
  const [name = "", ...rest] = args;
  try {
    if (args.includes("--help") || args.includes("-h")) {
      say(USAGE);
      return 0;
    }
    if (name === "generate") {
      noInput(rest);
      say(generateKey("live"));
      return 0;
    }
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (!command) throw new UsageError(name ? `Unknown command: ${name}` : "Which command?");
    const run = command(rest, now);
    const config = parseConfig(env);
    await withDatabase(config, async ({ db }) => {
      const log = createLogger("silent");
      const apiKeys = createApiKeyService({
        apiKeys: createApiKeyRepository(db),
        defaultLimits: config.keyLimits,
        now,
        newId,
        events: createKeyEvents(log),
        log,
      });
      await run({ apiKeys, say, sayError, now });
    });
    return 0;
  } catch (thrown) {
    const error = thrown instanceof AppError && thrown.issues ? refusal(thrown.issues) : thrown;
    if (error instanceof UsageError) sayError(`${error.message}\n\n${USAGE}`);
    else if (error instanceof DataDirInUse) sayError(`${error.message}\n${LOCKED}`);
    else if (error instanceof AppError) sayError(`${error.message} \`keys list\` shows all keys.`);
    else if (error instanceof StartError) sayError(error.message);
    else throw error;
    return error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

const LOCKED =
  "Where that is the server: stop it, or leave it running and use POST /v1/keys with a key that has the scope admin.";

/** The key alone is the output, so that it can be piped. */
function showOnce({ key, ...shown }: NewKey, { say, sayError, now }: Omit<Context, "apiKeys">): void {
  sayError(keyTable([shown], now()));
  sayError("The key, which is stored nowhere and not shown again:");
  say(key);
}
