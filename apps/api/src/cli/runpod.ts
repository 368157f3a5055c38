import { runRunPod } from "./run-runpod.ts";

process.exitCode = await runRunPod({
  args: process.argv.slice(2),
  env: process.env,
  say: (text) => process.stdout.write(`${text}\n`),
});
