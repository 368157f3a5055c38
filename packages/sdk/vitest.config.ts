import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // A database that is made once, for the tests with the real API.
    globalSetup: "@avatar/api/testing/global-setup",
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    coverage: {
      include: ["src/**"],
      thresholds: { lines: 80, functions: 80, branches: 80, statements: 80 },
    },
  },
});
