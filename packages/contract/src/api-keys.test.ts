import { crc32 } from "node:zlib";
import { expect, test } from "vitest";
import { keyModeOf, withChecksum } from "./api-keys.ts";

const LIVE = withChecksum(`avk_live_${"k".repeat(34)}`);
const TEST = withChecksum(`avk_test_${"0".repeat(34)}`);

test("a key tells its mode", () => {
  expect(keyModeOf(LIVE)).toBe("live");
  expect(keyModeOf(TEST)).toBe("test");
});

test("a key ends with its CRC-32 in base 62", () => {
  const digits = [...LIVE.slice(-6)].map((char) =>
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".indexOf(char),
  );
  expect(digits.reduce((value, digit) => value * 62 + digit, 0)).toBe(crc32(LIVE.slice(0, -6)));
});

test("every change of one character, and every swap of neighbours, is seen", () => {
  for (let i = 0; i < LIVE.length; i++) {
    for (const char of "aZ0_") {
      const changed = LIVE.slice(0, i) + char + LIVE.slice(i + 1);
      expect(keyModeOf(changed)).toBe(changed === LIVE ? "live" : undefined);
    }
    const swapped =
      LIVE.slice(0, i) +
      LIVE.slice(i, i + 2)
        .split("")
        .reverse()
        .join("") +
      LIVE.slice(i + 2);
    expect(keyModeOf(swapped)).toBe(swapped === LIVE ? "live" : undefined);
  }
});

test.each([
  "",
  "avk_live_",
  LIVE.slice(0, -1),
  `${LIVE}0`,
  ` ${LIVE}`,
  `${LIVE}\n`,
  LIVE.replace("live", "prod"),
])("%j is no key", (text) => {
  expect(keyModeOf(text)).toBeUndefined();
});
