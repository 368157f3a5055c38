import { runStorage } from "./run-storage.ts";

process.exitCode = await runStorage({
  args: process.argv.slice(2),
  env: process.env,
  say: (text) => process.stdout.write(`${text}\n`),
});
