/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The long versions of tests run with PROVE=1: `pnpm prove`. */
export const isProof = process.env.PROVE === "1";

/** A new one for each proof, the same in every run of the suite. Set SEED to repeat a run. */
export const SEED = Number(process.env.SEED ?? (isProof ? Date.now() % 1_000_000 : 1));
