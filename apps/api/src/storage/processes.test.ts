import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newId } from "../ids.ts";
import { joinProcesses } from "./processes.ts";

async function aDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "avatar-processes-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return directory;
}

test("files of a living process are not left over, those of one that is gone are", async () => {
  const directory = await aDirectory();
  const first = await joinProcesses(directory, newId);
  const second = await joinProcesses(directory, newId);
  expect(second.isLeftOver(`${first.id}.file`)).toBe(false);
  expect(first.isLeftOver(`${second.id}.file`)).toBe(false);
  await first.leave();
  expect(second.isLeftOver(`${first.id}.file`)).toBe(true);
  expect(second.isLeftOver("of nobody")).toBe(true);
  await second.leave();
});
