import { createHash, randomInt } from "node:crypto";
import { keyModeOf, withChecksum } from "@avatar/contract/api-keys";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { ApiKeyRepository } from "./api-key-repository.ts";

/** Who calls: jobs and uploads belong to the owner, so a rotated key still sees them. */
export interface Caller {
  owner: string;
  keyId: string;
}

interface Deps {
  apiKeys: ApiKeyRepository;
  now: () => Date;
  newId: NewId;
}

export type ApiKeyService = ReturnType<typeof createApiKeyService>;

/** A revoked key works at most this long. */
const CACHE_MS = 1000;
const CACHE_ENTRIES = 10_000;
const FIRST_OWNER = "owner_default";

export function createApiKeyService({ apiKeys, now, newId }: Deps) {
  const cache = new Map<string, { caller: Caller; until: number }>();

  const insert = (key: string, name: string) =>
    apiKeys.insert({ id: newId("key"), owner: FIRST_OWNER, name, hash: hashKey(key), createdAt: now() });

  return {
    hasAny: apiKeys.hasAny,

    /** @throws AppError `unauthorized`, the same for a missing, malformed, unknown and revoked key. */
    async authenticate(key: string | undefined): Promise<Caller> {
      if (!key || !keyModeOf(key)) throw new AppError("unauthorized");
      const hash = hashKey(key);
      const time = now().getTime();
      const cached = cache.get(hash);
      if (cached && cached.until > time) return cached.caller;
      const row = await apiKeys.findActive(hash);
      if (!row) {
        cache.delete(hash);
        throw new AppError("unauthorized");
      }
      const caller = { owner: row.owner, keyId: row.id };
      if (cache.size >= CACHE_ENTRIES) cache.clear();
      cache.set(hash, { caller, until: time + CACHE_MS });
      return caller;
    },

    /** Lets in who has the configured key. */
    accept: (key: string) => insert(key, "bootstrap"),

    /** Makes a key where there is none at all. @returns it, to be shown once. */
    async makeFirst(): Promise<string | undefined> {
      if (await apiKeys.hasAny()) return undefined;
      const key = generateKey();
      await insert(key, "first");
      return key;
    },
  };
}

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** With 34 random letters and digits: 202 bits. */
const generateKey = () =>
  withChecksum(`avk_live_${Array.from({ length: 34 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("")}`);

const hashKey = (key: string) => createHash("sha256").update(key).digest("hex");
