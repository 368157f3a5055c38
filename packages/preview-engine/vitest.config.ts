import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Apart, because counting coverage makes the inner loops of drawing and of the networks five times slower.
    projects: [
      { extends: true, test: { name: "parts", include: ["src/**/*.test.ts"] } },
      { extends: true, test: { name: "renders", include: ["test/**/*.test.ts"] } },
    ],
    // One that takes longer than this hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      exclude: ["src/cli.ts", "src/**/*.test.ts"],
      reporter: ["text-summary"],
      thresholds: { lines: 80 },
    },
  },
});
