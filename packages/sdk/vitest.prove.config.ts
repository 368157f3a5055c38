import { defineConfig } from "vitest/config";

/** The long version of the test that shows the promise about faults. */
export default defineConfig({
  test: {
    globalSetup: "@avatar/api/testing/global-setup",
    include: ["test/random-faults.test.ts"],
    env: { PROVE: "1" },
    hookTimeout: 60_000,
  },
});
