import { createHash, randomInt } from "node:crypto";
import { type KeyMode, withChecksum } from "@avatar/contract/api-keys";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH = 34;

/** With 202 random bits. */
export function generateKey(mode: KeyMode): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]);
  return withChecksum(`avk_${mode}_${random.join("")}`);
}

/**
 * The id of a key that is configured. It follows from the key, so that its row is known again whatever became of it: a key
 * that was rotated must not come back with the next start.
 */
export const bootstrapId = (key: string) => `key_${hashKey(`id of ${key}`).slice(0, 32)}`;

/** What is stored of a key. So random a text needs no salt and no slow hash. */
export const hashKey = (key: string) => createHash("sha256").update(key).digest("hex");
