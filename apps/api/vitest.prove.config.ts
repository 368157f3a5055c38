import { defineConfig } from "vitest/config";

const PROOFS = ["kill", "crash-points", "idempotency", "fairness", "postgres/dispatcher", "postgres/leases"];

/** The long versions of the tests that show the promises about faults. */
export default defineConfig({
  test: {
    fileParallelism: false,
    reporters: "verbose",
    projects: (["pglite", "postgres"] as const).map((name) => ({
      test: {
        name,
        include: PROOFS.filter((proof) => name === "postgres" || !proof.startsWith("postgres/")).map(
          (proof) => `test/${proof}.test.ts`,
        ),
        globalSetup: "test/support/global-setup.ts",
        testTimeout: 60_000,
        hookTimeout: 60_000,
        env: { TEST_DATABASE: name, PROVE: "1" },
      },
    })),
  },
});
