import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts", "src/node.ts"],
  format: ["esm", "cjs"],
  target: "es2022",
  platform: "neutral",
  // The private contract becomes part of the package.
  noExternal: [/^@avatar\//],
  external: [/^node:/],
  removeNodeProtocol: false,
  splitting: false,
  // `AsyncDisposable` for projects whose `lib` is older.
  dts: { banner: '/// <reference lib="esnext.disposable" />' },
  clean: true,
  esbuildPlugins: [
    {
      // `./node` uses the classes of `.` instead of a copy, so that `instanceof AvatarError` holds for both.
      name: "one-copy-of-index",
      setup(build) {
        const extension = build.initialOptions.format === "cjs" ? "cjs" : "js";
        build.onResolve({ filter: /^\.\/index\.ts$/ }, () => ({
          path: `./index.${extension}`,
          external: true,
        }));
      },
    },
  ],
});
