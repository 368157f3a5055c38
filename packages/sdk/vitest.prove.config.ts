import { defineConfig } from "vitest/config";

const shared = {
  globalSetup: "@avatar/api/testing/global-setup",
  env: { PROVE: "1" },
  hookTimeout: 60_000,
};

/** The long versions of the tests that show the promises about faults. */
export default defineConfig({
  test: {
    fileParallelism: false,
    projects: [
      { test: { ...shared, name: "pglite", include: ["test/random-faults.test.ts"] } },
      { test: { ...shared, name: "postgres", include: ["test/rolling-update.test.ts"] } },
    ],
  },
});
