import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const PAGES = [
  "README.md",
  "packages/*/README.md",
  "docs/*.md",
  "docs/decisions/*.md",
  "gpu-worker/README.md",
  "examples/README.md",
];

export interface Block {
  line: number;
  language: string;
  code: string;
  /** Why it is not run, as the page's source says in the line before it: `<!-- not run: needs a GPU -->`. */
  excuse: string | undefined;
}

/** Every page that has blocks with a language, and these. What has none is a drawing, or what a program prints. */
export function readPages(): [page: string, blocks: Block[]][] {
  return PAGES.flatMap((pattern) => globSync(pattern, { cwd: ROOT }).sort())
    .map((page): [string, Block[]] => [page, blocksOf(readFileSync(`${ROOT}${page}`, "utf8"))])
    .filter(([, blocks]) => blocks.length > 0);
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^(?:<!-- not run: ([^\n]+) -->\n)?```(\w*)\n(.*?)^```$/gms)]
    .map(({ index, 1: excuse, 2: language = "", 3: code = "" }) => {
      const line = text.slice(0, index).split("\n").length + (excuse ? 1 : 0);
      return { line, language, code, excuse };
    })
    .filter(({ language }) => language !== "");
}
