import { keyModeOf } from "@avatar/contract/api-keys";
import type { KeyLimits } from "@avatar/contract/key-types";
import { AppError } from "../errors.ts";
import { createSharedReads } from "../shared-reads.ts";
import type { ApiKeyRepository, ApiKeyRow } from "./api-key-repository.ts";
import type { Caller } from "./caller.ts";
import { hashKey } from "./generate-key.ts";
import { earliest, endOf } from "./key-end.ts";
import { limitsOf } from "./key-view.ts";

/** A key that was revoked works at most this long, in every replica. */
const CACHE_MS = 1000;
const CACHE_ENTRIES = 10_000;

interface Deps {
  apiKeys: Pick<ApiKeyRepository, "findActive">;
  defaultLimits: KeyLimits;
  now: () => Date;
}

interface Known {
  caller: Caller;
  /** A clock that is set back makes it unknown. */
  from: Date;
  until: Date;
}

/** @returns a function that tells who calls. It throws one `unauthorized`, whatever is wrong with the key. */
export function createAuthenticate({ apiKeys, defaultLimits, now }: Deps) {
  const cache = new Map<string, Known>();
  // All who waited with one key look it up again when they are woken, which is at once.
  const share = createSharedReads<Caller | undefined>();

  async function lookUp(hash: string): Promise<Caller | undefined> {
    const time = now();
    const found = await apiKeys.findActive(hash, time);
    if (!found) {
      cache.delete(hash);
      return undefined;
    }
    const caller = toCaller(found.key, found.parent, hash, defaultLimits);
    if (cache.size >= CACHE_ENTRIES) cache.clear();
    cache.set(hash, { caller, from: time, until: cachedUntil(found, hash, time) });
    return caller;
  }

  return async function authenticate(key: string | undefined): Promise<Caller> {
    if (!key || !keyModeOf(key)) throw new AppError("unauthorized");
    const hash = hashKey(key);
    const time = now();
    const known = cache.get(hash);
    if (known && known.from <= time && time < known.until) return known.caller;
    const caller = await share(hash, () => lookUp(hash));
    if (!caller) throw new AppError("unauthorized");
    return caller;
  };
}

/** What ends at a time that is known ends at that time. */
function cachedUntil(
  { key, parent }: { key: ApiKeyRow; parent: ApiKeyRow | null },
  hash: string,
  time: Date,
): Date {
  const cached = new Date(time.getTime() + CACHE_MS);
  return earliest(cached, endOf(key, hash), parent && endOf(parent, key.parentHash)) ?? cached;
}

function toCaller(key: ApiKeyRow, parent: ApiKeyRow | null, keyHash: string, defaults: KeyLimits): Caller {
  const { owner, mode, id, scopes } = key;
  const own = { id, limits: limitsOf(key, defaults) };
  if (!parent) return { owner, mode, keyId: id, childKeyId: undefined, keyHash, scopes, meters: [own] };
  return {
    owner,
    mode,
    keyId: parent.id,
    childKeyId: id,
    keyHash,
    scopes: scopes.filter((scope) => parent.scopes.includes(scope)),
    meters: [own, { id: parent.id, limits: limitsOf(parent, defaults) }],
  };
}
