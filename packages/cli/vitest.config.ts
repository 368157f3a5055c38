import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // A database that is made once, for the tests with the real API.
    globalSetup: "@avatar/api/testing/global-setup",
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
