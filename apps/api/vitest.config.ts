import { defineConfig } from "vitest/config";

const shared = { testTimeout: 30_000, hookTimeout: 60_000 };
const whole = { ...shared, globalSetup: "test/support/global-setup.ts" };

/** What these show has nothing to do with the database, or is the queue's and shown on both by queue-order: once is enough. */
const POSTGRES_ALONE = [
  "budget-warnings",
  "cors",
  "docs-pages",
  "docs-reference",
  "error-catalogue",
  "expect-continue",
  "fairness",
  "hostile-requests",
  "input-check",
  "key-lookups",
  "key-scopes",
  "load-shares",
  "many-connections",
  "overload",
  "security-headers",
  "slow-clients",
  "slowloris",
  "test-keys",
].map((name) => `test/${name}.test.ts`);

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      { test: { ...shared, name: "unit", include: ["src/**/*.test.ts", "test/support/**/*.test.ts"] } },
      {
        test: {
          ...whole,
          name: "pglite",
          include: ["test/*.test.ts"],
          exclude: POSTGRES_ALONE,
          env: { TEST_DATABASE: "pglite" },
        },
      },
      {
        test: {
          ...whole,
          name: "postgres",
          include: ["test/*.test.ts", "test/postgres/*.test.ts"],
          env: { TEST_DATABASE: "postgres" },
        },
      },
    ],
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: [
        "src/main.ts",
        "src/cli/storage.ts",
        "src/cli/keys.ts",
        "src/cli/migrate.ts",
        "src/cli/runpod.ts",
        "src/cli/write-*.ts",
        "src/engine/preview-worker.ts",
        "src/engine/input-check-worker.ts",
        "src/**/*.test.ts",
      ],
      thresholds: { lines: 80, functions: 80, branches: 75 },
    },
  },
});
