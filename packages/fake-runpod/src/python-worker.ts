import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { WorkerProcess } from "./platform.ts";

const GPU_WORKER = fileURLToPath(new URL("../../../gpu-worker", import.meta.url));
const PYTHON = `${GPU_WORKER}/.venv/bin/python`;

/** Whether the environment of gpu-worker is there, which its tests make. */
export const hasPythonWorker = () => existsSync(PYTHON);

/**
 * Starts the real worker under RunPod's SDK, with an engine that needs no GPU.
 * @param stub arguments of the worker's StubEngine
 */
export function startPythonWorker(
  env: Record<string, string>,
  stub: Record<string, unknown>,
  onOutput: (text: string) => void,
): WorkerProcess {
  const child = spawn(PYTHON, ["-m", "avatar_worker"], {
    cwd: GPU_WORKER,
    // A group of its own: the SDK's pinging process goes with it.
    detached: true,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      ENGINE: "stub",
      STUB_ENGINE: JSON.stringify(stub),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.stdout.on("data", (chunk: Buffer) => onOutput(chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => onOutput(chunk.toString()));
  const signal = (name: NodeJS.Signals) => {
    try {
      if (child.pid) process.kill(-child.pid, name);
    } catch {
      // It is gone already.
    }
  };
  return {
    exited: new Promise((resolve) => {
      child.once("exit", () => {
        signal("SIGKILL");
        resolve();
      });
      child.once("error", () => resolve());
    }),
    stop: () => void child.kill("SIGTERM"),
    kill: () => signal("SIGKILL"),
  };
}
