import { writeFile } from "node:fs/promises";
import { defineConfig, type Options } from "tsup";

const entries = {
  index: "src/index.ts",
  node: "src/node.ts",
  proxy: "src/proxy.ts",
  react: "src/react.ts",
  testing: "src/testing.ts",
  trpc: "src/trpc.ts",
};

const scripts: Options = {
  entry: {
    ...entries,
    // Loaded when they are needed, by a relative import: no entries of the package.
    check: "src/check.ts",
    download: "src/download.ts",
    parts: "src/parts.ts",
    // The contract's table of errors, which `./proxy` and `./testing` share.
    problem: "src/problem.ts",
    raw: "src/raw.ts",
    watch: "src/watch.ts",
  },
  format: ["esm", "cjs"],
  target: "es2022",
  platform: "neutral",
  // The private contract becomes part of the package.
  noExternal: [/^@avatar\//],
  external: [/^node:/],
  removeNodeProtocol: false,
  splitting: false,
  sourcemap: true,
  clean: true,
  async onSuccess() {
    for (const name of Object.keys(entries))
      await writeFile(`dist/${name}.d.ts`, `export * from "./${name}.cjs";\n`);
  },
  esbuildOptions(options, { format }) {
    // Names stay, for stack traces.
    options.minifyWhitespace = true;
    options.minifySyntax = true;
    // Node prints the whole line of an error that nobody catches.
    options.lineLimit = 160;
    // In CommonJS as `require`, which tools for it understand better.
    if (format === "cjs") options.supported = { "dynamic-import": false };
  },
  esbuildPlugins: [
    {
      // `./node` uses the classes of `.` instead of a copy, so that `instanceof AvatarError` holds for both. What is
      // loaded when it is needed stays a file of its own.
      name: "files-of-their-own",
      setup(build) {
        const extension = build.initialOptions.format === "cjs" ? "cjs" : "js";
        const filter = /^\.{1,2}\/(index|check|download|parts|problem|raw|watch)\.ts$/;
        build.onResolve({ filter }, ({ path, kind }) =>
          kind === "entry-point"
            ? undefined
            : { path: path.replace(/^.*\/(\w+)\.ts$/, `./$1.${extension}`), external: true },
        );
      },
    },
  ],
};

/** Once, for CommonJS; those for ESM lead there. So the package is smaller, and a program that uses both has one `Avatar`. */
const declarations: Options = {
  entry: entries,
  format: ["cjs"],
  // `AsyncDisposable` for projects whose `lib` is older.
  dts: { only: true, banner: '/// <reference lib="esnext.disposable" />' },
};

export default defineConfig([scripts, declarations]);
