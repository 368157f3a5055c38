import { defineConfig } from "tsup";

const entries = {
  index: "src/index.ts",
  node: "src/node.ts",
  proxy: "src/proxy.ts",
  react: "src/react.ts",
  testing: "src/testing.ts",
  trpc: "src/trpc.ts",
};

export default defineConfig({
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
  // `AsyncDisposable` for projects whose `lib` is older.
  dts: {
    entry: entries,
    banner: '/// <reference lib="esnext.disposable" />',
  },
  clean: true,
  esbuildOptions(options, { format }) {
    // Names stay, for stack traces.
    options.minifyWhitespace = true;
    options.minifySyntax = true;
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
});
