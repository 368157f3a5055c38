import { defineConfig } from "vitest/config";

export default defineConfig({
  // Each file starts an API that renders.
  test: { testTimeout: 60_000, hookTimeout: 120_000, maxWorkers: 2 },
});
