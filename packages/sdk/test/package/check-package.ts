/** Proves the built package from the outside: `pnpm build && pnpm check:package`. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

/** The aim is 5,500 for the class, and 250,000 unpacked. */
const BUDGET = {
  everythingBytes: 6500,
  classBytes: 6100,
  // Without React, tRPC and the class itself.
  reactBytes: 1500,
  trpcBytes: 3500,
  proxyBytes: 6500,
  testingBytes: 12_000,
  unpackedBytes: 291_000,
};

/** Files of the package that no entry loads before they are needed. */
const CHUNKS = ["check", "download", "parts", "raw", "watch"];

/** Files that are good at first sight, one of them large; then a refusal. */
const WITHOUT_CHUNKS = `
  const answers = {
    "POST /v1/uploads": { id: "upload_1", method: "PUT", url: "http://store/x", headers: {}, expiresAt: 0 },
    "PUT /x": {},
    "POST /v1/jobs": { id: "job_1", version: 1, status: "succeeded", video: { expiresAt: 0 } },
  };
  const fetch = async (url, { method }) => Response.json(answers[method + " " + new URL(url).pathname]);
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: "http://api", fetch, onEvent() {} });
  const audio = new Blob(["OggS", new Uint8Array(65 * 1024 * 1024)]);
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff);
  if ((await avatar.generate({ image: jpeg, audio })).jobId !== "job_1") throw 1;
  const { error } = await avatar.generate({ image: new Blob(["GIF89a"]), audio }).settled();
  if (error?.code !== "unsupported_image") throw error ?? 2;`;

const root = fileURLToPath(new URL("../..", import.meta.url));
const here = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "avatar-package-"));
const installed = join(folder, "node_modules/@avatar/client");

const run = (script: string, ...args: string[]) =>
  execFileSync(process.execPath, [script, ...args], { cwd: folder, stdio: "inherit" });

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

const VIDEO = "a very short film";
const RESULT = {
  url: "https://store.test/video",
  urlExpiresAt: "2999-01-01T00:00:00Z",
  video: {
    bytes: VIDEO.length,
    sha256: createHash("sha256").update(VIDEO).digest("hex"),
    contentType: "video/mp4",
  },
};
const USE = `
  const fake = fakeAvatar();
  const proxy = createProxy({ ...fake, authorize: () => "ada" });
  const input = { image: "https://a.test/b.png", audio: "https://a.test/c.wav" };
  const asked = proxy(new Request("https://a.test/v1/limits"));
  const [made, answered] = await Promise.all([new Avatar(fake).generate(input), asked]);
  if ((await made.blob()).size !== made.bytes || answered.status !== 200) throw 4;`;
/** Calls from one file of the package into another: tests of the sources do not see how they are built. */
const DOWNLOAD = `
  const answer = (url) => (url.endsWith("/result") ? ${JSON.stringify(JSON.stringify(RESULT))} : "${VIDEO}");
  const fetch = async (url) => new Response(answer(url));
  const avatar = new Avatar({ apiKey: "avk_test_1", baseUrl: "https://api.test", fetch });
  const video = await (await avatar.jobs.result("job_1")).blob();
  if ((await video.text()) !== "${VIDEO}") throw 3;`;

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
  const {
    dependencies = {},
    peerDependencies = {},
    peerDependenciesMeta = {},
  } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const required = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  check("runtime dependencies", required.length + Object.keys(dependencies).length, 0);

  importWithoutPeers();
  installPeers();
  compileConsumers();
  importBothWays();
  measureBundles();
  runWithoutChunks();
} finally {
  rmSync(folder, { recursive: true });
}

/** What binds the client to them is not for everybody. */
function importWithoutPeers() {
  writeFileSync(join(folder, "alone.mjs"), 'import "@avatar/client"; import "@avatar/client/node";');
  run(join(folder, "alone.mjs"));
}

function installPeers() {
  for (const name of ["@trpc/client", "@trpc/server", "@types/node", "@types/react", "react"]) {
    const target = join(folder, "node_modules", name);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(dirname(here.resolve(`${name}/package.json`)), target);
  }
}

/** A private package that is still named in a declaration file shows here and nowhere else. */
function compileConsumers() {
  const node = { module: "nodenext", lib: ["ES2022"], types: ["node"] };
  compile("ESM on Node", { "consumer.mts": CONSUMER }, node);
  compile("CommonJS on Node", { "consumer.cts": CONSUMER }, node);
  const page = { module: "preserve", lib: ["ES2022", "DOM", "DOM.AsyncIterable"], types: [] };
  const sources = { "consumer.ts": CONSUMER.replace(/^.*\/\/ node$/gm, ""), "frontend.ts": FRONTEND };
  compile("a bundler and the DOM", sources, page);
  const server = { ...node, lib: page.lib, declaration: true };
  compile("React and tRPC, ESM", { "frontend.mts": FRONTEND }, server);
  compile("React and tRPC, CommonJS", { "frontend.cts": FRONTEND }, server);

  const readmes = [join(installed, "README.md"), join(root, "../../README.md")];
  const text = readmes.map((path) => readFileSync(path, "utf8")).join("\n");
  const blocks = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""], index) => [
    `readme-${index + 1}.mts`,
    code.startsWith("import") ? code : `${PRELUDE}{${code}}`,
  ]);
  const onBoth = { ...node, lib: page.lib };
  compile(
    `${blocks.length} examples of the READMEs`,
    { ...Object.fromEntries(blocks), "globals.d.ts": GLOBALS },
    onBoth,
  );
  const components = [...text.matchAll(/```tsx\n(.*?)```/gs)].map(([, code = ""], index) => [
    `readme-${index + 1}.tsx`,
    code,
  ]);
  const jsx = { ...page, jsx: "react-jsx" };
  compile(`${components.length} components of the READMEs`, Object.fromEntries(components), jsx);
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
  const test = `
    if (!new Avatar().jobs || !AvatarError.is(new AvatarError({ code: "x", detail: "" })) || !file || !useGeneration) throw 1;
    async function run() {
      await createAvatarTrpcClient({ baseUrl: "nowhere" }).limits.get.query({}).then(
        () => { throw 3 }, (error) => { if (!(toAvatarError(error) instanceof AvatarError)) throw error; });
      await file("none")().then(() => { throw 2 }, (error) => { if (!(error instanceof AvatarError)) throw error; });
      ${USE}
      ${DOWNLOAD}
    }`;
  writeFileSync(
    join(folder, "run.mjs"),
    `import { Avatar, AvatarError } from "@avatar/client"; import { file } from "@avatar/client/node";
     import { useGeneration } from "@avatar/client/react"; import { createAvatarTrpcClient, toAvatarError } from "@avatar/client/trpc";
     import { createProxy } from "@avatar/client/proxy"; import { fakeAvatar } from "@avatar/client/testing";
     ${test} await run();`,
  );
  writeFileSync(
    join(folder, "run.cjs"),
    `const { Avatar, AvatarError } = require("@avatar/client"); const { file } = require("@avatar/client/node");
     const { useGeneration } = require("@avatar/client/react"); const { createAvatarTrpcClient, toAvatarError } = require("@avatar/client/trpc");
     const { createProxy } = require("@avatar/client/proxy"); const { fakeAvatar } = require("@avatar/client/testing");
     ${test} run();`,
  );
  for (const script of ["run.mjs", "run.cjs"]) run(join(folder, script));
  console.log("runs: import and require");
}

function measureBundles() {
  check("everything, min+gzip", bundle('export * from "@avatar/client"').atOnce, BUDGET.everythingBytes);
  const { atOnce, later } = bundle('export { Avatar } from "@avatar/client"');
  check("the class alone, min+gzip", atOnce, BUDGET.classBytes);
  for (const [name, bytes] of later) console.log(`loaded when it is needed: ${name}, ${bytes}`);
  const react = bundle('export * from "@avatar/client/react"', ["react", "*/index.js"]);
  check("for React, min+gzip", react.atOnce, BUDGET.reactBytes);
  const trpc = bundle('export * from "@avatar/client/trpc"', ["@trpc/*", "*/index.js"]);
  check("for tRPC, min+gzip", trpc.atOnce, BUDGET.trpcBytes);
  const proxy = bundle('export * from "@avatar/client/proxy"');
  check("the proxy, min+gzip", proxy.atOnce, BUDGET.proxyBytes);
  const testing = bundle('export * from "@avatar/client/testing"');
  check("for tests, min+gzip", testing.atOnce, BUDGET.testingBytes);
}

/** What is loaded when it is needed counts for itself, since a bundler makes files of it, too. */
function bundle(contents: string, external: string[] = []) {
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
    external,
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
  let atOnce = 0;
  const later: [name: string, bytes: number][] = [];
  for (const { path, contents } of outputFiles) {
    const bytes = gzipSync(contents, { level: 9 }).length;
    if (loaded.has(relative(folder, path))) atOnce += bytes;
    else later.push([basename(path).split("-")[0] ?? "", bytes]);
  }
  return { atOnce, later };
}

/** A page that is open for long may ask for files that a new release has replaced. */
function runWithoutChunks() {
  const dist = join(installed, "dist");
  for (const name of readdirSync(dist))
    if (CHUNKS.includes(name.split(".")[0] ?? "")) rmSync(join(dist, name));
  writeFileSync(join(folder, "without.mjs"), `import { Avatar } from "@avatar/client"; ${WITHOUT_CHUNKS}`);
  writeFileSync(
    join(folder, "without.cjs"),
    `const { Avatar } = require("@avatar/client"); (async () => { ${WITHOUT_CHUNKS} })();`,
  );
  for (const script of ["without.mjs", "without.cjs"]) run(join(folder, script));
  console.log("generates: without what is loaded when it is needed");
}

function check(what: string, actual: number, most: number) {
  console.log(`${what}: ${actual} of ${most}`);
  if (actual > most) throw new Error(`${what} is over its budget`);
}
