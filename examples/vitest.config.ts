import { defineConfig } from "vitest/config";

export default defineConfig({
  // One file after another: each starts an API that renders, which takes all cores.
  test: { testTimeout: 30_000, hookTimeout: 60_000, fileParallelism: false },
});
