import type { FakeClock } from "./clock.ts";
import { refuse } from "./wire.ts";

/** Links that are dead after their time. They are signed with a word, for nobody has to be kept out. */
export const createLinks = (clock: FakeClock) => ({
  sign: (url: string, expiresAt: number) => `${url}?expires=${expiresAt}&signature=fake`,

  check(query: URLSearchParams): void {
    if (query.get("signature") !== "fake")
      throw refuse("link_invalid", "The link's signature does not match.");
    if (clock.now() >= Number(query.get("expires"))) throw refuse("link_invalid", "The link has expired.");
  },
});
