import { AvatarError, type Key, type KeyLimits } from "@avatar/client";
import { defineCommand } from "./command.ts";
import { plain, table } from "./format.ts";
import { LIMIT_UNITS } from "./limit-units.ts";
import { usageFacts } from "./usage.ts";

const MODES = { live: "live: jobs cost money", test: "test: previews, for free" };

export const checkKey = defineCommand({
  name: "keys check",
  summary: "tell whether the API takes your key, what it may do and has left",
  operands: [],
  options: {},
  prepare:
    () =>
    async ({ avatar, brief, print }) => {
      const key = await avatar.key(brief);
      // Not every key may see it.
      const usage = await avatar.usage({}, brief).catch((error) => {
        if (!AvatarError.is(error, "insufficient_scope")) throw error;
      });
      print({ key, usage }, table([...factsOf(key), ...(usage ? usageFacts(usage) : [])]));
    },
});

function factsOf({ hint, id, name, owner, mode, scopes, limits, ...key }: Key): string[][] {
  const ownLimits = Object.entries(LIMIT_UNITS).flatMap(([limit, unit]) => {
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
