/** Live keys render on the configured engine and cost money; test keys render a preview and are free. */
export type KeyMode = "live" | "test";

/** What a key may do. `admin` is for operators: it manages the keys of all owners. */
export const SCOPES = ["generate", "read", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

const PATTERN = /^avk_(live|test)_[0-9A-Za-z]{40}$/;
const CHECKSUM_LENGTH = 6;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** @returns undefined for what cannot be a key: another form, or a checksum that tells of a typing error. */
export function keyModeOf(key: string): KeyMode | undefined {
  const mode = PATTERN.exec(key)?.[1] as KeyMode | undefined;
  return mode && withChecksum(key.slice(0, -CHECKSUM_LENGTH)) === key ? mode : undefined;
}

/**
 * A key: `avk_live_` or `avk_test_`, 34 letters and digits, and the checksum of all that in six more, as GitHub's tokens
 * have it: https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
 * @param start all but the checksum
 */
export function withChecksum(start: string): string {
  let rest = crc32(start);
  let digits = "";
  for (let i = 0; i < CHECKSUM_LENGTH; i++) {
    digits = (ALPHABET[rest % ALPHABET.length] ?? "") + digits;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return start + digits;
}

/** That of zip and gzip, over ASCII. */
function crc32(text: string): number {
  let crc = -1;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
