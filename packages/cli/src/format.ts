/** Text of others must not command the terminal. */
export const plain = (text: string): string => text.replace(/\p{Cc}+/gu, " ");

/** `42 s`, `2 min 05 s`, `1 h 02 min` */
export function seconds(amount: number): string {
  const whole = Math.round(amount);
  if (whole < 60) return `${whole} s`;
  const two = (part: number) => String(part).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

export function bytes(amount: number): string {
  if (amount < 1e6) return `${Math.ceil(amount / 1000)} kB`;
  return `${(amount / 1e6).toFixed(1)} MB`;
}

export const dollars = (amount: number): string => `$${amount.toFixed(amount < 0.1 ? 4 : 2)}`;

/** As a shell would take it. */
export const quoted = (text: string): string =>
  /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

/** Columns that line up; the last one may be of any length. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
