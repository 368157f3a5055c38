import { defineConfig } from "vitest/config";

/** Files share what they import: to load the server for each took a tenth of the time. They share no state of ours. */
const shared = { testTimeout: 30_000, hookTimeout: 60_000, isolate: false };
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
  "crash-points",
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
  "idempotency",
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
  "start",
  "store-faults",
  "test-keys",
  "trpc-door",
  "trust-proxy",
  "upload-in-parts",
  "url-inputs",
  "usage",
  "watch-job",
].map((name) => `test/${name}.test.ts`);

/** What a kill does to a whole process: Postgres has tests of its own for its parts. */
const PGLITE_ALONE = ["test/kill.test.ts"];

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
          exclude: process.env.ON_BOTH_DATABASES ? [] : PGLITE_ALONE,
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
