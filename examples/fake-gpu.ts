import { spawnSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type FakeRunPod, hasPythonWorker, startFakeRunPod, startPythonWorker } from "@avatar/fake-runpod";

/** RunPod's documented price of an L40S, which the API assumes unless told otherwise: docs/configuration.md. */
const DOLLARS_PER_SECOND = 0.00053;

export interface FakeGpu {
  /** What makes the API use it. */
  env: Record<string, string>;
  /** The worker fetches its files there. */
  allow(apiUrl: string): void;
  /** Waits until all workers are gone. @returns what RunPod would have billed, as text. */
  bill(): Promise<string>;
  stop(): Promise<void>;
}

/** RunPod's stand-in with real workers, whose engine draws a test picture instead of using a GPU. */
export async function startFakeGpu(): Promise<FakeGpu> {
  const script = fileURLToPath(new URL("../gpu-worker/run-python.mjs", import.meta.url));
  spawnSync(process.execPath, [script, "install"], { stdio: "inherit" });
  if (!hasPythonWorker()) throw new Error("the worker needs Python 3.10 or newer with venv");
  if (spawnSync("ffmpeg", ["-version"]).status !== 0) throw new Error("the worker needs ffmpeg on the PATH");
  let allowedHost = "";
  let output = "";
  const runpod: FakeRunPod = await startFakeRunPod({
    startWorker(env) {
      console.log("RunPod (stand-in): a worker wakes, and is billed from now on.");
      const worker = startPythonWorker(
        { ...env, ALLOWED_HOSTS: allowedHost },
        { load_seconds: 3, step_seconds: 0.4 },
        (text) => {
          output = (output + text).slice(-4000);
        },
      );
      void worker.exited.then(() => console.log("RunPod (stand-in): the worker is gone."));
      return worker;
    },
  });
  runpod.platform.on("ended", (job: { status: string; error?: string | undefined }) => {
    if (job.status !== "COMPLETED") console.error(`The run ended as ${job.status}: ${job.error}\n${output}`);
  });
  return {
    env: {
      ENGINE: "runpod",
      RUNPOD_API_KEY: runpod.apiKey,
      RUNPOD_ENDPOINT_ID: runpod.endpointId,
      RUNPOD_BASE_URL: runpod.baseUrl,
    },
    allow(apiUrl) {
      allowedHost = new URL(apiUrl).host;
    },
    async bill() {
      console.log(
        "\nWaiting until the worker has been idle for 5 s and goes away, as it is billed until then.",
      );
      while (runpod.ledger.isRunning) await delay(100);
      const { bills, seconds } = runpod.ledger;
      const rows = bills.map(({ wokeAtMs, stoppedAtMs = wokeAtMs }, index) => {
        const took = (stoppedAtMs - wokeAtMs) / 1000;
        return `  worker ${index + 1}: ${took.toFixed(1)} s from its wake to its stop, billed as ${Math.ceil(took)} s`;
      });
      const dollars = (seconds * DOLLARS_PER_SECOND).toFixed(5);
      return [
        "The bill:",
        ...rows,
        `  ${seconds} s at $${DOLLARS_PER_SECOND} (L40S) = $${dollars}, and nothing more until the next job.`,
        "  The seconds are those of this stand-in, which has no model to load and nothing to render: docs/time-and-money.md",
        "  tells what a GPU takes.",
      ].join("\n");
    },
    stop: () => runpod.stop(),
  };
}
