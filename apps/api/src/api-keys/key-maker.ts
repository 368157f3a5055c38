import { type KeyMode, keyModeOf } from "@avatar/contract/api-keys";
import type { NewId } from "../ids.ts";
import type { KeyEvents } from "../telemetry/events.ts";
import type { ApiKeyRepository, NewApiKeyRow } from "./api-key-repository.ts";
import { generateKey, hashKey } from "./generate-key.ts";

interface Deps {
  apiKeys: Pick<ApiKeyRepository, "insert">;
  now: () => Date;
  newId: NewId;
  events: KeyEvents;
}

type What = Pick<NewApiKeyRow, "owner" | "name"> & Partial<NewApiKeyRow>;

export type KeyMaker = ReturnType<typeof createKeyMaker>;

export function createKeyMaker({ apiKeys, now, newId, events }: Deps) {
  /** Does nothing where there is this key, or one with this id, already. @returns its id */
  async function store(key: string, what: What, actor: string): Promise<string> {
    const at = now();
    const mode = keyModeOf(key) ?? "live";
    const row = {
      id: newId("key"),
      ...what,
      mode,
      hash: hashKey(key),
      lastFour: key.slice(-4),
      createdAt: at,
    };
    const { id, owner, name, scopes, limits, expiresAt, parentId } = row;
    const details = { owner, name, mode, scopes, limits, expiresAt, parentId };
    if (await apiKeys.insert(row, { actor, at, details })) events.keyChanged("created", id, actor);
    return id;
  }

  return {
    store,

    /** @param actor the id of the key that asks, `cli` or `server` */
    async make(mode: KeyMode, what: What, actor: string): Promise<{ id: string; key: string }> {
      const key = generateKey(mode);
      return { id: await store(key, what, actor), key };
    },
  };
}
