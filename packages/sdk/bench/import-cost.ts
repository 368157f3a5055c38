/**
 * CPU time to start Node and load the built package, over that of an empty module, as the median of rounds that take
 * turns: `pnpm build && node bench/import-cost.ts`. Fails beyond the budget.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROUNDS = 11;
const LARGEST_RATIO = 1.2;

const dist = (name: string) => JSON.stringify(fileURLToPath(new URL(`../dist/${name}`, import.meta.url)));
const PROGRAMS = {
  "empty.mjs": "",
  "import.mjs": `import { Avatar } from ${dist("index.js")}; if (!Avatar) throw 1;`,
  "empty.cjs": "",
  "require.cjs": `if (!require(${dist("index.cjs")}).Avatar) throw 1;`,
};
const TELL = "const { user, system } = process.cpuUsage(); console.log(user + system);";

const folder = mkdtempSync(join(tmpdir(), "avatar-import-"));
try {
  const names = Object.keys(PROGRAMS);
  for (const [name, code] of Object.entries(PROGRAMS)) writeFileSync(join(folder, name), `${code}\n${TELL}`);
  const rounds = Array.from({ length: ROUNDS }, () => names.map(cpuMsOf));
  const [emptyEsm = 0, esm = 0, emptyCjs = 0, cjs = 0] = names.map((_, i) =>
    median(rounds.map((round) => round[i] ?? 0)),
  );
  report("import", esm, emptyEsm);
  report("require", cjs, emptyCjs);
} finally {
  rmSync(folder, { recursive: true });
}

function cpuMsOf(name: string): number {
  return Number(execFileSync(process.execPath, [join(folder, name)], { encoding: "utf8" })) / 1000;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

function report(what: string, ms: number, emptyMs: number) {
  const ratio = ms / emptyMs;
  console.log(`${what}: ${ms.toFixed(1)} ms of CPU over ${emptyMs.toFixed(1)} ms, ${ratio.toFixed(2)}x`);
  if (ratio > LARGEST_RATIO) process.exitCode = 1;
}
