/** Advisory locks of the database. Any numbers that no other program uses on it. */
export const LOCKS = {
  migration: 7_305_512_841,
  sweep: 7_305_512_842,
  claim: 7_305_512_843,
  keepAlive: 7_305_512_844,
  budget: 7_305_512_845,
} as const;
