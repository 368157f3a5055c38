import { spawnSync } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

test.each([0, 3])("a process that started a server ends with its own exit code %i", async (exitCode) => {
  const directory = await mkdtemp(join(tmpdir(), "avatar-exit-code-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.
  const program = `
    const { startPostgres } = await import(${JSON.stringify(import.meta.resolve("./postgres-server.ts"))});
    const { stop } = await startPostgres(${JSON.stringify(join(directory, "postgres"))});
    await stop();
    process.exitCode = ${exitCode};`;
  const { status, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program]);
  expect([status, stderr.toString()]).toEqual([exitCode, ""]);
});
