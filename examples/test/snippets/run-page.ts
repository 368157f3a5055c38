import { execFile } from "node:child_process";
import { copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { transform } from "esbuild";
import { expect } from "vitest";
import { firstSecondOf } from "../support/recordings.ts";
import { type Block, ROOT } from "./blocks.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Page {
  /** The folder that its commands are run in. */
  cwd: string;
  env: Record<string, string | undefined>;
}

/** A folder with what a reader has: the repository, the packages, and a portrait and a recording of their own. */
export async function preparePage(cwd: string): Promise<void> {
  await mkdir(`${cwd}/node_modules/@avatar`, { recursive: true });
  const links = {
    ...Object.fromEntries(["package.json", "apps", "examples", "packages"].map((name) => [name, name])),
    ...Object.fromEntries(
      ["@trpc", "react", "react-dom"].map((name) => [
        `node_modules/${name}`,
        `examples/node_modules/${name}`,
      ]),
    ),
    "node_modules/@avatar/client": "packages/sdk",
    "node_modules/@avatar/preview-engine": "packages/preview-engine",
  };
  for (const [name, target] of Object.entries(links)) await symlink(`${ROOT}${target}`, `${cwd}/${name}`);
  for (const name of ["portrait.png", "face.jpg"])
    await copyFile(at("../../media/portrait.png"), `${cwd}/${name}`);
  const speech = await firstSecondOf(at("../../media/speech-3s.wav"));
  for (const name of ["speech.wav", "speech.mp3"]) await writeFile(`${cwd}/${name}`, speech);
  // Else curl takes an answer that says no for success.
  await writeFile(`${cwd}/.curlrc`, "fail-with-body\nsilent\nshow-error\n");
}

/** Runs blocks one after another, as a reader does. */
export async function runPage(
  blocks: Block[],
  page: Page,
  fillIn: (code: string) => string,
  onRun: () => void,
): Promise<void> {
  let printed = "";
  for (const { line, language, code, excuse } of blocks) {
    if (excuse) continue;
    const run = RUN[language];
    if (!run)
      throw new Error(`Line ${line}: nothing runs ${language}, and it is not said why it is not run.`);
    printed = await run({ ...page, name: `line-${line}`, code: fillIn(code), printed });
    onRun();
  }
}

interface Run extends Page {
  name: string;
  code: string;
  /** By the block before. */
  printed: string;
}

/** @returns what the block printed */
const RUN: Record<string, (run: Run) => Promise<string>> = {
  sh: runShell,
  ts: runScript,
  js: runScript,
  tsx: render,
  python: ({ code, ...page }) => execute("python3", ["-c", code], page),
  json: compare,
};

/** All of a page in one terminal: what one block sets, the next one has. */
async function runShell({ name, code, ...page }: Run): Promise<string> {
  const script = `[ ! -f .terminal ] || . ./.terminal\n${code}\nexport -p | grep -v '^declare -[a-z]*r' > .terminal\n`;
  await writeFile(`${page.cwd}/${name}.sh`, script);
  return execute("bash", ["-eu", "-o", "pipefail", "-o", "allexport", `${name}.sh`], page);
}

async function runScript({ name, code, ...page }: Run): Promise<string> {
  await writeFile(`${page.cwd}/${name}.ts`, code);
  return execute(process.execPath, ["--import", at("prelude.ts"), `${name}.ts`], page);
}

/** Components, once, as a page has them at first. */
async function render({ name, code, ...run }: Run): Promise<string> {
  const script = await transform(code, { loader: "tsx", jsx: "automatic" });
  await writeFile(`${run.cwd}/${name}.js`, script.code);
  const show = `
    import { createElement } from "react";
    import { renderToString } from "react-dom/server";
    import * as components from "./${name}.js";
    for (const component of Object.values(components)) console.log(renderToString(createElement(component, { image, audio })));`;
  return runScript({ ...run, name: `${name}-show`, code: show });
}

/** JSON shows what the block before it answers: with these fields, of these types. */
async function compare({ code, printed }: Run): Promise<string> {
  expect(typesOf(JSON.parse(printed)), printed).toMatchObject(typesOf(JSON.parse(code)) as object);
  return printed;
}

function typesOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 0 ? { each: typesOf(value[0]) } : {};
  if (value === null || typeof value !== "object") return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, typesOf(inner)]));
}

function execute(program: string, args: string[], { cwd, env }: Page): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, args, { cwd, env }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${args.at(-1)} ended with ${error.code}\n${stdout}\n${stderr}`));
      else resolve(stdout);
    });
  });
}
