import type { Range } from "./facts.ts";
import type { Verdict } from "./plan.ts";

export const dollars = (value: number, digits: number) => `$${value.toFixed(digits)}`;

export const seconds = (range: Range) => span(range, (value) => value.toFixed(0), " s");

export const percent = (range: Range) => span(range, (value) => (value * 100).toFixed(0), " %");

/** One number where both ends look the same. */
export function span({ low, high }: Range, show: (value: number) => string, unit = ""): string {
  const [from, to] = [show(low), show(high)];
  return from === to ? `${from}${unit}` : `${from} to ${to}${unit}`;
}

export const count = (value: number, noun: string) => `${value} ${noun}${value === 1 ? "" : "s"}`;

export const within = ({ low, high }: Range, limit: number): Verdict =>
  high <= limit ? "yes" : low <= limit ? "perhaps" : "no";

const WIDTH = 112;

/** Lines of one paragraph, all but the first indented further. */
export function wrap(text: string, indent: string): string {
  const lines = [indent];
  for (const word of text.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line.length + word.length > WIDTH) lines.push(`${indent}  ${word} `);
    else lines[lines.length - 1] = `${line}${word} `;
  }
  return lines.map((line) => line.trimEnd()).join("\n");
}
