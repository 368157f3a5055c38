import { type KeyMode, keyModeOf, SCOPES } from "@avatar/contract/api-keys";
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
import type { KeyEvents } from "../telemetry/events.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { ApiKeyRepository, ApiKeyRow, NewApiKeyRow } from "./api-key-repository.ts";
import { createAuthenticate } from "./authenticate.ts";
import { type Caller, requireScope } from "./caller.ts";
import { generateKey, hashKey } from "./generate-key.ts";
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

export function createApiKeyService({ apiKeys, defaultLimits, now, newId, events, log }: Deps) {
  const lastUsed = createLastUsed(apiKeys.touch, now, log);
  const callerOf = createAuthenticate({ apiKeys, defaultLimits, now });

  const view = (row: ApiKeyRow) => toKey(row, defaultLimits, now());

  async function insert(
    key: string,
    row: Pick<NewApiKeyRow, "owner" | "name"> & Partial<NewApiKeyRow>,
    actor: string,
  ) {
    const at = now();
    const id = newId("key");
    const mode = keyModeOf(key) ?? "live";
    const inserted = { ...row, id, mode, hash: hashKey(key), lastFour: key.slice(-4), createdAt: at };
    const { owner, name, scopes, limits, expiresAt, parentId } = inserted;
    await apiKeys.insert(inserted, {
      actor,
      at,
      details: { owner, name, mode, scopes, limits, expiresAt, parentId },
    });
    return id;
  }

  async function make(mode: KeyMode, row: Parameters<typeof insert>[1], actor: string): Promise<NewKey> {
    const key = generateKey(mode);
    const id = await insert(key, row, actor);
    events.keyChanged("created", id, actor);
    return { ...view(await get(id)), key };
  }

  async function get(id: string): Promise<ApiKeyRow> {
    const row = await apiKeys.find(id);
    if (!row) throw new AppError("key_not_found");
    return row;
  }

  return {
    hasAny: apiKeys.hasAny,

    /** @throws AppError `unauthorized`, the same whatever is wrong with the key. */
    async authenticate(key: string | undefined): Promise<Caller> {
      const caller = await callerOf(key);
      lastUsed.note(caller.childKeyId ?? caller.keyId);
      return caller;
    },

    /** Lets in who has the configured key, with every scope. */
    accept: (key: string) =>
      insert(key, { owner: DEFAULT_OWNER, name: "bootstrap", scopes: [...SCOPES] }, "server"),

    /** Makes a key with every scope where there is none at all. @returns it, to be shown once. */
    async makeFirst(): Promise<string | undefined> {
      if (await apiKeys.hasAny()) return undefined;
      const { key } = await make(
        "live",
        { owner: DEFAULT_OWNER, name: "first", scopes: [...SCOPES] },
        "server",
      );
      return key;
    },

    /** @param actor the id of the key that asks, or `cli` */
    async create(actor: string, input: z.output<typeof CreateKeyInput>): Promise<NewKey> {
      const { owner, name, mode, scopes, limits } = input;
      const expiresAt = input.expiresAt === undefined ? null : new Date(input.expiresAt);
      if (expiresAt && expiresAt <= now()) throw invalid("expiresAt", "expected a time to come");
      if (mode === "test" && scopes.includes("admin"))
        throw invalid("scopes", "a test key cannot have admin");
      return make(mode, { owner, name, scopes: distinct(scopes), limits, expiresAt }, actor);
    },

    /** A key for a browser, that can do less than the caller's and ends soon. */
    async createChild(caller: Caller, input: z.output<typeof CreateChildKeyInput>): Promise<NewKey> {
      if (caller.childKeyId)
        throw new AppError("insufficient_scope", { detail: "A child key cannot make keys." });
      const { keyId, owner, mode } = caller;
      for (const scope of input.scopes ?? []) requireScope(caller, scope);
      const scopes = distinct(
        input.scopes ?? (["generate", "read"] as const).filter((each) => caller.scopes.includes(each)),
      );
      if (scopes.length === 0)
        throw new AppError("insufficient_scope", {
          detail: "This key has no scope that a child key could have.",
        });
      const expiresAt = new Date(now().getTime() + input.ttlSeconds * 1000);
      const { limits } = input;
      return make(mode, { owner, name: "child", parentId: keyId, scopes, limits, expiresAt }, keyId);
    },

    /** The caller's own. */
    current: async (caller: Caller): Promise<Key> => view(await get(caller.childKeyId ?? caller.keyId)),

    async list(input: z.output<typeof ListKeysInput>): Promise<KeyPage> {
      const { owner, limit, cursor } = input;
      const rows = await apiKeys.list(owner, limit + 1, parseCursor(cursor, "key"));
      const { items, nextCursor } = toPage(rows, limit);
      return { items: items.map(view), ...(nextCursor !== undefined && { nextCursor }) };
    },

    /** @throws AppError `key_not_found`, also for a key that is revoked */
    async update(actor: string, { id, ...set }: z.output<typeof UpdateKeyInput>): Promise<Key> {
      const { mode } = await get(id);
      if (mode === "test" && set.scopes?.includes("admin"))
        throw invalid("scopes", "a test key cannot have admin");
      const row = await apiKeys.update(id, set, { actor, at: now(), details: set });
      if (!row) throw new AppError("key_not_found");
      events.keyChanged("updated", id, actor);
      return view(row);
    },

    /** A new text for the same key: its id, limits and usage stay. @throws AppError `key_not_found` */
    async rotate(actor: string, { id, overlapSeconds }: z.output<typeof RotateKeyInput>): Promise<NewKey> {
      const { mode } = await get(id);
      const key = generateKey(mode);
      const at = now();
      const until = new Date(at.getTime() + overlapSeconds * 1000);
      const to = { hash: hashKey(key), lastFour: key.slice(-4) };
      const row = await apiKeys.rotate(id, to, until, { actor, at, details: { overlapSeconds } });
      if (!row) throw new AppError("key_not_found");
      events.keyChanged("rotated", id, actor);
      return { ...view(row), key };
    },

    /** Ends a key and its child keys. Revoking twice is the same as once. @throws AppError `key_not_found` */
    async revoke(actor: string, id: string): Promise<Key> {
      const row = await apiKeys.revoke(id, { actor, at: now() });
      if (row) events.keyChanged("revoked", id, actor);
      return view(row ?? (await get(id)));
    },

    start: lastUsed.start,
    stop: lastUsed.stop,
  };
}

const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];

const invalid = (path: string, message: string) =>
  new AppError("invalid_input", { detail: `${path}: ${message}.`, issues: [{ path, message }] });
