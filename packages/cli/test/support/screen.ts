import xterm from "@xterm/headless";

/** What somebody sees in a terminal of that size that was sent the text: its lines, without empty ones at the end. */
export async function screenOf(sent: string, size: { columns: number; rows: number }): Promise<string[]> {
  const terminal = new xterm.Terminal({ cols: size.columns, rows: size.rows, allowProposedApi: true });
  await new Promise<void>((resolve) => terminal.write(sent, resolve));
  const { buffer } = terminal;
  const lines = Array.from({ length: buffer.active.length }, (_, row) =>
    (buffer.active.getLine(row)?.translateToString(true) ?? "").trimEnd(),
  );
  terminal.dispose();
  return lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
}

/** What was drawn into the line of the progress, one after the other. */
export const frames = (sent: string): string[] =>
  sent.split("\r\x1b[K").filter((frame) => frame !== "" && !frame.includes("\n"));
