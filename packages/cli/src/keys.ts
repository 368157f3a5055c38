import type { Key, KeyLimits } from "@avatar/client";
import { defineCommand } from "./command.ts";
import { plain, table } from "./format.ts";

const MODES = { live: "live: jobs cost money", test: "test: previews, for free" };

const LIMITS: Record<keyof KeyLimits, string> = {
  requestsPerMinute: "requests a minute",
  jobsInFlight: "unfinished jobs",
  jobsQueued: "jobs in the queue",
  gpuSecondsPerDay: "GPU seconds a day",
  usdPerDay: "dollars a day",
  usdPerMonth: "dollars a month",
};

export const checkKey = defineCommand({
  name: "keys check",
  summary: "tell whether the API takes your key, and what it may do",
  operands: [],
  options: {},
  prepare:
    () =>
    async ({ avatar, brief, print }) => {
      const key = await avatar.key(brief);
      print(key, table(factsOf(key)));
    },
});

function factsOf({ hint, id, name, owner, mode, scopes, limits, ...key }: Key): string[][] {
  const ownLimits = Object.entries(LIMITS).flatMap(([limit, unit]) => {
    const most = limits[limit as keyof KeyLimits];
    return most === undefined ? [] : [`${most} ${unit}`];
  });
  return [
    ["key", `${hint} is valid`],
    ["id", id],
    ["name", plain(name)],
    ["owner", plain(owner)],
    ["mode", MODES[mode]],
    ["scopes", scopes.join(", ")],
    ["limits", ownLimits.join(", ") || "none of its own"],
    ["expires", key.expiresAt ?? "never"],
    ["last used", key.lastUsedAt ?? "never before"],
    ...(key.previousUntil ? [["rotated", `the text before works until ${key.previousUntil}`]] : []),
    ...(key.parentId ? [["child of", key.parentId]] : []),
  ];
}
