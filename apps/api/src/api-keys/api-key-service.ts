import { type KeyMode, SCOPES, type Scope } from "@avatar/contract/api-keys";
import type {
  CreateChildKeyInput,
  CreateKeyInput,
  ListKeysInput,
  RotateKeyInput,
  UpdateKeyInput,
} from "@avatar/contract/key-schemas";
import type { Key, KeyLimits, KeyPage, NewKey } from "@avatar/contract/key-types";
import type { z } from "zod";
import { parseCursor, toPage } from "../cursor.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { StartError } from "../start-error.ts";
import type { KeyEvents } from "../telemetry/events.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { ApiKeyRepository, ApiKeyRow } from "./api-key-repository.ts";
import { createAuthenticate } from "./authenticate.ts";
import type { Caller } from "./caller.ts";
import { createChildKeys } from "./child-key-service.ts";
import { bootstrapId, generateKey, hashKey } from "./generate-key.ts";
import { createKeyMaker } from "./key-maker.ts";
import { toKey } from "./key-view.ts";
import { createLastUsed } from "./last-used.ts";

interface Deps {
  apiKeys: ApiKeyRepository;
  /** For what a key does not limit itself. */
  defaultLimits: KeyLimits;
  now: () => Date;
  newId: NewId;
  events: KeyEvents;
  log: Logger;
}

export type ApiKeyService = ReturnType<typeof createApiKeyService>;

/** The owner of keys that are made without one. */
export const DEFAULT_OWNER = "owner_default";

const ALL = { owner: DEFAULT_OWNER, scopes: [...SCOPES] };

export function createApiKeyService({ apiKeys, defaultLimits, now, newId, events, log }: Deps) {
  const lastUsed = createLastUsed(apiKeys.touch, now, log);
  const callerOf = createAuthenticate({ apiKeys, defaultLimits, now });
  const { make, store } = createKeyMaker({ apiKeys, now, newId, events });
  const makeChild = createChildKeys({ confirm, make, now });

  const view = (row: ApiKeyRow) => toKey(row, defaultLimits, now());
  const shown = async ({ id, key }: { id: string; key: string }): Promise<NewKey> => ({
    ...view(await get(id)),
    key,
  });

  async function get(id: string): Promise<ApiKeyRow> {
    const row = await apiKeys.find(id);
    if (!row) throw new AppError("key_not_found");
    return row;
  }

  /**
   * Asks the database, not what is remembered for a second: to be called before keys are made or changed, so that a key
   * that was just revoked leaves none behind. @returns the key @throws AppError `unauthorized`
   */
  async function confirm({ keyHash }: Caller): Promise<ApiKeyRow> {
    const found = await apiKeys.findActive(keyHash, now());
    if (!found) throw new AppError("unauthorized");
    return found.key;
  }

  return {
    hasAny: apiKeys.hasAny,

    /** @throws AppError `unauthorized`, the same whatever is wrong with the key. */
    async authenticate(key: string | undefined): Promise<Caller> {
      const caller = await callerOf(key);
      lastUsed.note(caller.childKeyId ?? caller.keyId);
      return caller;
    },

    confirm,

    /** Lets in who has the configured key, with every scope; but not again once it was rotated or revoked. */
    async accept(key: string): Promise<void> {
      const id = bootstrapId(key);
      const other = await apiKeys.findByText(hashKey(key));
      // Else it would come back, and with every scope, after the other was rotated.
      if (other && other.id !== id)
        throw new StartError(
          `BOOTSTRAP_API_KEY is the key ${other.id}, which was made in another way and needs no variable. Leave it out, or make a key for it alone with \`keys generate\`.`,
        );
      await store(key, { ...ALL, id, name: "bootstrap" }, "server");
      if (!(await apiKeys.findActive(hashKey(key), now())))
        log.warn("BOOTSTRAP_API_KEY lets nobody in: it was rotated or revoked");
    },

    /** Makes a key with every scope where there is none at all. @returns it, to be shown once. */
    async makeFirst(): Promise<string | undefined> {
      if (await apiKeys.hasAny()) return undefined;
      return (await make("live", { ...ALL, name: "first" }, "server")).key;
    },

    /** @param actor the id of the key that asks, or `cli` */
    async create(actor: string, input: z.output<typeof CreateKeyInput>): Promise<NewKey> {
      const { owner, name, mode, scopes, limits } = input;
      const expiresAt = input.expiresAt === undefined ? null : new Date(input.expiresAt);
      if (expiresAt && expiresAt <= now()) throw invalid("expiresAt", "expected a time to come");
      refuseTestAdmin(mode, scopes);
      return shown(await make(mode, { owner, name, scopes: distinct(scopes), limits, expiresAt }, actor));
    },

    createChild: async (caller: Caller, input: z.output<typeof CreateChildKeyInput>): Promise<NewKey> =>
      shown(await makeChild(caller, input)),

    /** The caller's own. */
    current: async (caller: Caller): Promise<Key> => view(await get(caller.childKeyId ?? caller.keyId)),

    async list(input: z.output<typeof ListKeysInput>): Promise<KeyPage> {
      const { owner, limit, cursor } = input;
      const rows = await apiKeys.list(owner, limit + 1, parseCursor(cursor, "key"));
      const { items, nextCursor } = toPage(rows, limit);
      return { items: items.map(view), ...(nextCursor !== undefined && { nextCursor }) };
    },

    /** @throws AppError `key_not_found`, also for a child key and for one that has ended; so does `rotate` */
    async update(actor: string, { id, scopes, ...more }: z.output<typeof UpdateKeyInput>): Promise<Key> {
      const set = { ...more, ...(scopes && { scopes: distinct(scopes) }) };
      if (Object.keys(set).length === 0)
        throw new AppError("invalid_input", { detail: "Give at least one of name, scopes and limits." });
      refuseTestAdmin((await get(id)).mode, scopes);
      const row = await apiKeys.update(id, set, { actor, at: now(), details: set });
      if (!row) throw new AppError("key_not_found", { detail: FIXED });
      events.keyChanged("updated", id, actor);
      return view(row);
    },

    /** A new text for the same key: its id, limits and usage stay. */
    async rotate(actor: string, { id, overlapSeconds }: z.output<typeof RotateKeyInput>): Promise<NewKey> {
      const { mode } = await get(id);
      const key = generateKey(mode);
      const at = now();
      const until = new Date(at.getTime() + overlapSeconds * 1000);
      const to = { hash: hashKey(key), lastFour: key.slice(-4) };
      const row = await apiKeys.rotate(id, to, until, { actor, at, details: { overlapSeconds } });
      if (!row) throw new AppError("key_not_found", { detail: FIXED });
      events.keyChanged("rotated", id, actor);
      return { ...view(row), key };
    },

    /** Ends a key and its child keys. Revoking twice is the same as once. @throws AppError `key_not_found` */
    async revoke(actor: string, id: string): Promise<Key> {
      const row = await apiKeys.revoke(id, { actor, at: now() });
      if (row) events.keyChanged("revoked", id, actor);
      return view(row ?? (await get(id)));
    },

    /** The latest changes of keys, newest first. */
    listAudit: apiKeys.listAudit,

    start: lastUsed.start,
    stop: lastUsed.stop,
  };
}

const FIXED = "A key that has ended, and a child key, can no longer be changed.";

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

function refuseTestAdmin(mode: KeyMode, scopes: readonly Scope[] = []): void {
  if (mode === "test" && scopes.includes("admin")) throw invalid("scopes", "a test key cannot have admin");
}

const invalid = (path: string, message: string) =>
  new AppError("invalid_input", { detail: `${path}: ${message}.`, issues: [{ path, message }] });
