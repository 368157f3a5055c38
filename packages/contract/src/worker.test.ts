import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ERRORS } from "./errors.ts";
import { WORKER_ERRORS, WorkerError, WorkerInput, WorkerOutput, WorkerProgress } from "./worker.ts";
import { workerContract } from "./worker-contract.ts";

const folder = new URL("../../../gpu-worker/tests/contract/", import.meta.url);
const committed = (name: string) => JSON.parse(readFileSync(new URL(name, folder), "utf8"));

test("what the worker is tested against is what this package says", () => {
  const files = JSON.parse(JSON.stringify(workerContract()));
  expect(readdirSync(folder).sort()).toEqual(Object.keys(files).sort());
  for (const [name, content] of Object.entries(files)) expect(committed(name), name).toEqual(content);
});

const SCHEMAS = { input: WorkerInput, progress: WorkerProgress, output: WorkerOutput, error: WorkerError };
describe.each(["input", "progress", "output", "error"] as const)("%s of the worker", (kind) => {
  const { valid, invalid } = committed(`${kind}.examples.json`);

  test.each(valid as unknown[])("takes %j", (message) => {
    expect(SCHEMAS[kind].safeParse(message).error).toBeUndefined();
  });
  test.each(invalid as unknown[])("refuses %j", (message) => {
    expect(SCHEMAS[kind].safeParse(message).success).toBe(false);
  });
});

test("a code that customers know, too, is retried alike", () => {
  for (const [code, { retryable }] of Object.entries(WORKER_ERRORS))
    if (code in ERRORS && code !== "internal")
      expect([code, retryable]).toEqual([code, ERRORS[code as keyof typeof ERRORS].retryable]);
});
