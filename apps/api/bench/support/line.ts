/** What the benchmark says at its end about one promise, or about something that belongs to one. */
export interface Line {
  /** For example `P1@32`: the promise, and the number of connections. */
  name: string;
  /** As it is shown, for example `1.12x`. */
  value: string;
  /** For example `≥ 1.0x`; lines without one are there to be known. */
  aim?: string;
  isMet?: boolean;
  note?: string;
  /** For machines. */
  figures?: Record<string, unknown>;
}

export function show({ name, value, aim, isMet, note }: Line): string {
  const verdict = aim === undefined ? "" : ` (aim ${aim}) ${isMet ? "met" : "missed"}`;
  return `${name} ${value}${verdict}${note === undefined ? "" : `: ${note}`}`;
}

export const showMs = (ms: number) => (ms < 10 ? ms.toFixed(1) : ms.toFixed(0));
