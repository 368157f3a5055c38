import { defineConfig } from "vitest/config";

const shared = { testTimeout: 30_000, hookTimeout: 60_000 };
const whole = { ...shared, globalSetup: "test/support/global-setup.ts" };

/**
 * What these show has nothing to do with the database, or is shown on both by a test of its own: on Postgres alone, unless all
 * is asked for, as `pnpm prove` and GitHub's workflow do of some and of all.
 */
const POSTGRES_ALONE = [
  "authentication",
  "body-limits",
  "budget-warnings",
  "cors",
  "create-upload",
  "docs-pages",
  "docs-reference",
  "doors",
  "error-catalogue",
  "events",
  "expect-continue",
  "fairness",
  "form",
  "graceful-stop",
  "health",
  "hostile-requests",
  "idempotency-kill",
  "input-check",
  "key-lookups",
  "key-scopes",
  "keys-cli",
  "limits",
  "load-shares",
  "many-connections",
  "metrics",
  "openapi",
  "overload",
  "rest-door",
  "retention-kill",
  "secrets",
  "secrets-of-process",
  "security-headers",
  "server",
  "signed-links",
  "slow-clients",
  "slowloris",
  "store-faults",
  "test-keys",
  "trpc-door",
  "trust-proxy",
  "upload-in-parts",
  "url-inputs",
  "watch-job",
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
          exclude: process.env.ON_BOTH_DATABASES ? [] : POSTGRES_ALONE,
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
