import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

test("a process that started a server ends with its own exit code", async () => {
  const directory = await mkdtemp(join(tmpdir(), "avatar-exit-code-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.
  const program = `
    const { startPostgres } = await import(${JSON.stringify(import.meta.resolve("./postgres-server.ts"))});
    const { stop } = await startPostgres(${JSON.stringify(join(directory, "postgres"))});
    await stop();
    process.exitCode = 3;`;
  const { status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
  expect(status).toBe(3);
});
