import { runKeys } from "./run-keys.ts";

process.exitCode = await runKeys({
  args: process.argv.slice(2),
  env: process.env,
  say: (text) => process.stdout.write(`${text}\n`),
  sayError: (text) => process.stderr.write(`${text}\n`),
});
