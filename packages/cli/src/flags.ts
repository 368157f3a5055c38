import { usageError } from "./exit-codes.ts";
import { suggestion } from "./suggestion.ts";

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `90`, `90s`, `1.5m`, `2h`. */
export function durationMs(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  if (amount === undefined || Number(amount) === 0)
    throw usageError(`${flag} takes a time such as 90s, 10m or 1h, not ${JSON.stringify(text)}.`);
  return Number(amount) * MS[unit as keyof typeof MS];
}

export function wholeNumber(
  flag: string,
  text: string | undefined,
  [least, most]: [number, number],
): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw usageError(`${flag} takes a whole number from ${least} to ${most}, not ${JSON.stringify(text)}.`);
}

export function oneOf<const Choice extends string>(
  flag: string,
  text: string | undefined,
  choices: readonly Choice[],
): Choice | undefined {
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  const hint = suggestion(text, choices);
  throw usageError(`${flag} takes ${choices.join(", ")}, not ${JSON.stringify(text)}.`, hint);
}

/** `["order=7"]` becomes `{ order: "7" }`. */
export function pairs(
  flag: string,
  texts: readonly string[] | undefined,
): Record<string, string> | undefined {
  if (!texts) return undefined;
  const entries = texts.map((text): [string, string] => {
    const at = text.indexOf("=");
    if (at < 1) throw usageError(`${flag} takes name=value, not ${JSON.stringify(text)}.`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const names = entries.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw usageError(`${flag} ${twice}=… is given twice.`);
  return Object.fromEntries(entries);
}
