import { runMigrate } from "./run-migrate.ts";

process.exitCode = await runMigrate({
  args: process.argv.slice(2),
  env: process.env,
  say: (text) => process.stdout.write(`${text}\n`),
  sayError: (text) => process.stderr.write(`${text}\n`),
});
