import { parentPort, workerData } from "node:worker_threads";
import { checkInputs, type InputCheckOptions } from "@avatar/preview-engine";
import type { InputFindings } from "./input-check.ts";
import { PREVIEW_ERROR_CODES } from "./preview-error-codes.ts";

const { faults, audibleSeconds } = await checkInputs(workerData as InputCheckOptions);
parentPort?.postMessage({
  faults: faults.map(({ code, message }) => ({ code: PREVIEW_ERROR_CODES[code], detail: message })),
  audibleSeconds,
} satisfies InputFindings);
