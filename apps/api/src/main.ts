import { startApp } from "./app.ts";
import { ConfigError, parseConfig } from "./config.ts";
import { DataDirInUse } from "./db/data-dir-lock.ts";

const say = (text: string) => process.stdout.write(`${text}\n`);

try {
  const app = await startApp(parseConfig(process.env));
  if (app.firstApiKey) say(`Your API key, shown this once: ${app.firstApiKey}`);
  say(`avatar is listening on ${app.url}`);

  let stopping = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      app.stop().then(
        () => process.exit(0),
        (error) => {
          process.stderr.write(`The server did not stop cleanly: ${error}\n`);
          process.exit(1);
        },
      );
    });
  }
} catch (error) {
  const isOperatorsMistake =
    error instanceof ConfigError ||
    error instanceof DataDirInUse ||
    (error instanceof Error && "code" in error && error.code === "EADDRINUSE");
  process.stderr.write(
    `${isOperatorsMistake ? error.message : error instanceof Error ? error.stack : error}\n`,
  );
  process.exit(isOperatorsMistake ? 2 : 1);
}
