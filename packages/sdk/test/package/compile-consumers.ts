import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type InstalledPackage, root } from "./install-package.ts";
import type { Command } from "./processes.ts";

const CONSUMER = readFileSync(new URL("consumer.ts.txt", import.meta.url), "utf8");
/** Of React and tRPC, whose own types need the DOM's. */
const FRONTEND = readFileSync(new URL("frontend.ts.txt", import.meta.url), "utf8");

/** What the READMEs' examples take for granted. */
const PRELUDE = `
  import { Avatar, AvatarError, type Generation } from "@avatar/client";
  declare const avatar: Avatar, generation: Generation, image: Blob, audio: Blob, recordings: Blob[];
  declare function shortLivedKey(): Promise<string>;`;
const GLOBALS = `
  declare const image: Blob, audio: Blob;
  declare function sessionOf(request: Request): Promise<{ userId: string } | undefined>;`;

const NODE = { module: "nodenext", lib: ["ES2022"], types: ["node"] };
const PAGE = { module: "preserve", lib: ["ES2022", "DOM", "DOM.AsyncIterable"], types: [] };
const SERVER = { ...NODE, lib: PAGE.lib, declaration: true };

const OURS: Command = [process.execPath, createRequire(import.meta.url).resolve("typescript/lib/tsc.js")];

/** A private package that is still named in a declaration file shows here and nowhere else. */
export function compileConsumers({ folder, installed }: InstalledPackage, tsc = OURS) {
  compile("ESM on Node", { "consumer.mts": CONSUMER }, NODE);
  compile("CommonJS on Node", { "consumer.cts": CONSUMER }, NODE);
  const sources = { "consumer.ts": CONSUMER.replace(/^.*\/\/ node$/gm, ""), "frontend.ts": FRONTEND };
  compile("a bundler and the DOM", sources, PAGE);
  compile("React and tRPC, ESM", { "frontend.mts": FRONTEND }, SERVER);
  compile("React and tRPC, CommonJS", { "frontend.cts": FRONTEND }, SERVER);

  const readmes = [join(installed, "README.md"), join(root, "../../README.md")];
  const text = readmes.map((path) => readFileSync(path, "utf8")).join("\n");
  const blocks = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""], index) => [
    `readme-${index + 1}.mts`,
    code.startsWith("import") ? code : `${PRELUDE}{${code}}`,
  ]);
  const examples = { ...Object.fromEntries(blocks), "globals.d.ts": GLOBALS };
  compile(`${blocks.length} examples of the READMEs`, examples, { ...NODE, lib: PAGE.lib });
  const components = [...text.matchAll(/```tsx\n(.*?)```/gs)].map(([, code = ""], index) => [
    `readme-${index + 1}.tsx`,
    code,
  ]);
  const jsx = { ...PAGE, jsx: "react-jsx" };
  compile(`${components.length} components of the READMEs`, Object.fromEntries(components), jsx);

  function compile(what: string, sources: Record<string, string>, options: object) {
    for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, name), source);
    const compilerOptions = {
      ...options,
      target: "ES2022",
      strict: true,
      noEmit: true,
      skipLibCheck: false,
    };
    const files = Object.keys(sources);
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
    const [file, ...args] = tsc;
    execFileSync(file, [...args, "-p", folder], { cwd: folder, stdio: "inherit" });
    console.log(`compiles: ${what}`);
  }
}
