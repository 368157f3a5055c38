import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { createSha256 } from "./sha256.ts";

/** The same in every run. */
function createRandom(seed: number) {
  return (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
}

test("it is Node's SHA-256, whatever the sizes of the file and of its pieces", () => {
  const random = createRandom(7);
  const sizes = [...Array(200).keys(), 1000, 4096, 65_536, 1_000_003];
  for (const size of sizes) {
    const bytes = Uint8Array.from({ length: size }, () => random(256));
    const hash = createSha256();
    for (let at = 0; at < size; ) {
      const end = Math.min(size, at + 1 + random(2 * size));
      hash.update(bytes.subarray(at, end));
      at = end;
    }
    expect(hash.hex(), `${size} bytes`).toBe(createHash("sha256").update(bytes).digest("hex"));
  }
});

test("pieces may be empty", () => {
  const hash = createSha256();
  hash.update(new Uint8Array());
  hash.update(new Uint8Array([1]));
  hash.update(new Uint8Array());
  expect(hash.hex()).toBe(
    createHash("sha256")
      .update(new Uint8Array([1]))
      .digest("hex"),
  );
});
