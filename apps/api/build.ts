/** Bundles the server and its commands into `dist`, for images: they start sooner and hold less memory than the sources. */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const outdir = join(root, "dist");

/** Threads, and files that are read at run time: `new URL("./a", import.meta.url)`, which are all beside the bundle then. */
const LOCAL_FILE = /new URL\(\s*"(\.{1,2}\/[^"]+)",\s*import\.meta\.url\)/g;

const localFiles: Plugin = {
  name: "local-files",
  setup({ onLoad }) {
    onLoad({ filter: /\/(apps\/api|packages\/[\w-]+)\/src\/.*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const copies: Promise<void>[] = [];
      const contents = source.replace(LOCAL_FILE, (_, file: string) => {
        const name = basename(file);
        if (!name.endsWith(".ts"))
          copies.push(cp(join(dirname(path), file), join(outdir, name), { recursive: true }));
        return `new URL("./${name.replace(/\.ts$/, ".js")}", import.meta.url)`;
      });
      await Promise.all(copies);
      return { contents, loader: "ts" };
    });
  },
};

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir);
const { metafile } = await build({
  metafile: true,
  absWorkingDir: root,
  entryPoints: [
    "src/main.ts",
    "src/cli/keys.ts",
    "src/cli/migrate.ts",
    "src/cli/storage.ts",
    "src/engine/preview-worker.ts",
    "src/engine/input-check-worker.ts",
  ],
  outdir,
  entryNames: "[name]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node24",
  sourcemap: true,
  // It finds its own files beside itself.
  external: ["@electric-sql/pglite", "@ffmpeg/core", "sharp"],
  // CommonJS packages within call it.
  banner: {
    js: 'import { createRequire as createRequireHere } from "node:module"; const require = createRequireHere(import.meta.url);',
  },
  plugins: [localFiles],
});

/** The licences of what is within ask for their text to go with it. */
const packages = new Set(
  Object.keys(metafile.inputs).flatMap(
    (path) => /^.*\/node_modules\/(@[^/]+\/)?[^/@]+(?=\/)/.exec(path)?.[0] ?? [],
  ),
);
const texts = await Promise.all(
  [...packages].toSorted().map(async (folder) => {
    const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
    const files = (await readdir(join(root, folder)))
      .filter((file) => /^(licen[cs]e|notice)/i.test(file))
      .toSorted();
    const read = await Promise.all(files.map((file) => readFile(join(root, folder, file), "utf8")));
    return [`${name} ${version}: ${license}`, ...read].join("\n\n");
  }),
);
await writeFile(join(outdir, "LICENSES.txt"), `${texts.join(`\n\n${"=".repeat(80)}\n\n`)}\n`);
