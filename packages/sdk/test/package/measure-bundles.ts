import { basename, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { buildSync } from "esbuild";

/** The aim for the class is 5,500: docs/benchmarks.md says why it is not met. */
const BUDGET = {
  everythingBytes: 6450,
  classBytes: 6400,
  // Without React, tRPC and the class itself.
  reactBytes: 1500,
  trpcBytes: 3500,
  proxyBytes: 6500,
  testingBytes: 12_000,
};

export function measureBundles(folder: string) {
  const everything = bundle(folder, 'export * from "@avatar/client"');
  check("everything, min+gzip", everything.atOnce, BUDGET.everythingBytes);
  const { atOnce, later } = bundle(folder, 'export { Avatar } from "@avatar/client"');
  check("the class alone, min+gzip", atOnce, BUDGET.classBytes);
  for (const [name, bytes] of later) console.log(`loaded when it is needed: ${name}, ${bytes}`);
  const react = bundle(folder, 'export * from "@avatar/client/react"', ["react", "*/index.js"]);
  check("for React, min+gzip", react.atOnce, BUDGET.reactBytes);
  const trpc = bundle(folder, 'export * from "@avatar/client/trpc"', ["@trpc/*", "*/index.js"]);
  check("for tRPC, min+gzip", trpc.atOnce, BUDGET.trpcBytes);
  const proxy = bundle(folder, 'export * from "@avatar/client/proxy"');
  check("the proxy, min+gzip", proxy.atOnce, BUDGET.proxyBytes);
  const testing = bundle(folder, 'export * from "@avatar/client/testing"');
  check("for tests, min+gzip", testing.atOnce, BUDGET.testingBytes);
}

/** What is loaded when it is needed counts for itself, since a bundler makes files of it, too. */
function bundle(folder: string, contents: string, external: string[] = []) {
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

export function check(what: string, actual: number, most: number) {
  console.log(`${what}: ${actual} of ${most}`);
  if (actual > most) throw new Error(`${what} is over its budget`);
}
