/** Proves the built package from the outside: `pnpm build && pnpm check:package`. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

/** What it has; the promise is 6,500 for everything and 5,500 for the class. */
const BUDGET = { everythingBytes: 6600, classBytes: 6600, unpackedBytes: 250_000 };

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "avatar-package-"));
const installed = join(folder, "node_modules/@avatar/client");

const run = (script: string, ...args: string[]) =>
  execFileSync(process.execPath, [script, ...args], { cwd: folder, stdio: "inherit" });

const CONSUMER = readFileSync(new URL("consumer.ts.txt", import.meta.url), "utf8");

/** What the READMEs' examples take for granted. */
const PRELUDE = `
  import { Avatar, AvatarError, type Generation } from "@avatar/client";
  declare const avatar: Avatar, generation: Generation, image: Blob, audio: Blob, recordings: Blob[];
  declare function shortLivedKey(): Promise<string>;`;

try {
  const [packed] = JSON.parse(
    execFileSync("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  check("unpacked size", packed.unpackedSize, BUDGET.unpackedBytes);
  mkdirSync(installed, { recursive: true });
  execFileSync("tar", ["-xzf", join(folder, packed.filename), "--strip-components=1", "-C", installed]);
  const { dependencies = {}, peerDependencies = {} } = JSON.parse(
    readFileSync(join(installed, "package.json"), "utf8"),
  );
  check("runtime dependencies", Object.keys({ ...dependencies, ...peerDependencies }).length, 0);

  compileConsumers();
  importBothWays();
  measureBundles();
} finally {
  rmSync(folder, { recursive: true });
}

/** A private package that is still named in a declaration file shows here and nowhere else. */
function compileConsumers() {
  symlinkSync(
    join(dirname(here.resolve("@types/node/package.json")), ".."),
    join(folder, "node_modules/@types"),
  );
  const node = { module: "nodenext", lib: ["ES2022"], types: ["node"] };
  compile("ESM on Node", { "consumer.mts": CONSUMER }, node);
  compile("CommonJS on Node", { "consumer.cts": CONSUMER }, node);
  const page = { module: "preserve", lib: ["ES2022", "DOM", "DOM.AsyncIterable"], types: [] };
  compile("a bundler and the DOM", { "consumer.ts": CONSUMER.replace(/^.*\/\/ node$/gm, "") }, page);

  const readmes = [join(installed, "README.md"), join(root, "../../README.md")];
  const text = readmes.map((path) => readFileSync(path, "utf8")).join("\n");
  const blocks = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""], index) => [
    `readme-${index + 1}.mts`,
    code.startsWith("import") ? code : `${PRELUDE}{${code}}`,
  ]);
  compile(`${blocks.length} examples of the READMEs`, Object.fromEntries(blocks), node);
}

function compile(what: string, sources: Record<string, string>, options: object) {
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, name), source);
  const compilerOptions = { ...options, target: "ES2022", strict: true, noEmit: true, skipLibCheck: false };
  const files = Object.keys(sources);
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  run(here.resolve("typescript/lib/tsc.js"), "-p", folder);
  console.log(`compiles: ${what}`);
}

function importBothWays() {
  const test =
    "if (!new Avatar().jobs || !AvatarError.is(new AvatarError({ code: 'x', detail: '' })) || !file) throw 1;";
  writeFileSync(
    join(folder, "run.mjs"),
    `import { Avatar, AvatarError } from "@avatar/client"; import { file } from "@avatar/client/node"; ${test}
     await file("none")().then(() => { throw 2 }, (error) => { if (!(error instanceof AvatarError)) throw error; });`,
  );
  writeFileSync(
    join(folder, "run.cjs"),
    `const { Avatar, AvatarError } = require("@avatar/client"); const { file } = require("@avatar/client/node"); ${test}
     file("none")().catch((error) => { if (!(error instanceof AvatarError)) throw error; });`,
  );
  for (const script of ["run.mjs", "run.cjs"]) run(join(folder, script));
  console.log("runs: import and require");
}

function measureBundles() {
  /** What is loaded at once; what is loaded when it is needed is not. */
  const size = (contents: string) => {
    const { outputFiles, metafile } = buildSync({
      stdin: { contents, resolveDir: folder },
      absWorkingDir: folder,
      bundle: true,
      splitting: true,
      outdir: "out",
      minify: true,
      format: "esm",
      target: "es2022",
      platform: "browser",
      write: false,
      metafile: true,
    });
    const loaded = new Set<string>();
    const load = (path: string) => {
      if (loaded.has(path)) return;
      loaded.add(path);
      for (const { kind, path: imported } of metafile.outputs[path]?.imports ?? [])
        if (kind === "import-statement") load(imported);
    };
    load("out/stdin.js");
    const files = outputFiles.filter(({ path }) => loaded.has(path.slice(folder.length + 1)));
    return files.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0);
  };
  check("everything, min+gzip", size('export * from "@avatar/client"'), BUDGET.everythingBytes);
  check("the class alone, min+gzip", size('export { Avatar } from "@avatar/client"'), BUDGET.classBytes);
}

function check(what: string, actual: number, most: number) {
  console.log(`${what}: ${actual} of ${most}`);
  if (actual > most) throw new Error(`${what} is over its budget`);
}
