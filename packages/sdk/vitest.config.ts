import { defineConfig } from "vitest/config";

const shared = {
  // A database that is made once, for the tests with the real API.
  globalSetup: "@avatar/api/testing/global-setup",
  testTimeout: 30_000,
  hookTimeout: 60_000,
};
const ON_POSTGRES = ["gpu-path", "rolling-update"].map((name) => `test/${name}.test.ts`);

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          ...shared,
          name: "pglite",
          include: ["src/**/*.test.ts", "test/**/*.test.ts"],
          exclude: ON_POSTGRES,
        },
      },
      { test: { ...shared, name: "postgres", include: ON_POSTGRES } },
    ],
    coverage: {
      include: ["src/**"],
      thresholds: { lines: 80, functions: 80, branches: 80, statements: 80 },
    },
  },
});
