import { defineConfig } from "tsup";

export default defineConfig({
  entry: { avatar: "src/main.ts" },
  format: "esm",
  target: "node20",
  // One file and nothing to install besides, so that `npx` is quick.
  noExternal: [/^@avatar\//],
  splitting: false,
  clean: true,
});
