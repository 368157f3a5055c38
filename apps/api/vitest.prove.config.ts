import { defineConfig } from "vitest/config";

const PROOFS = [
  "store-faults",
  "retention-kill",
  "kill",
  "crash-points",
  "idempotency",
  "idempotency-kill",
  "fairness",
  "many-connections",
  "slowloris",
  "hostile-requests",
  "queue-order",
  "budget-sums",
  "postgres/dispatcher",
  "postgres/leases",
  "postgres/idempotency",
  "postgres/request-limits",
  "postgres/job-limits",
  "postgres/job-stress",
  "postgres/runpod-crash-points",
  "postgres/runpod-ledger",
  "prove/openapi-fuzz",
  "prove/generated-clients",
  "prove/soak",
  "postgres/server-crash",
];

const UNIT_PROOFS = ["inspect-fuzz", "inspect-video"];

/** The long versions of the tests that show the promises about faults and about files. */
export default defineConfig({
  test: {
    fileParallelism: false,
    reporters: "verbose",
    projects: [
      {
        test: {
          name: "unit",
          include: UNIT_PROOFS.map((proof) => `src/media/${proof}.test.ts`),
          testTimeout: 60_000,
          env: { PROVE: "1" },
        },
      },
      ...(["pglite", "postgres"] as const).map((name) => ({
        test: {
          name,
          include: PROOFS.filter((proof) => name === "postgres" || !/^(postgres|prove)\//.test(proof)).map(
            (proof) => `test/${proof}.test.ts`,
          ),
          globalSetup: "test/support/global-setup.ts",
          testTimeout: 60_000,
          hookTimeout: 60_000,
          env: { TEST_DATABASE: name, PROVE: "1" },
        },
      })),
    ],
  },
});
