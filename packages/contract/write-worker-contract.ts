import { mkdirSync, writeFileSync } from "node:fs";
import { workerContract } from "./src/worker-contract.ts";

const folder = new URL("../../gpu-worker/tests/contract/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, content] of Object.entries(workerContract()))
  writeFileSync(new URL(name, folder), `${JSON.stringify(content, null, 2)}\n`);
