import { startApp } from "./app.ts";
import { parseConfig } from "./config.ts";
import { StartError } from "./start-error.ts";
import { errorText } from "./telemetry/describe-error.ts";

const say = (text: string) => process.stdout.write(`${text}\n`);
const sayError = (text: string) => process.stderr.write(`${text}\n`);

/** npm and pnpm pass on a signal that the terminal has already sent to the whole group. */
const SAME_SIGNAL_MS = 500;

// Node would print all that the error carries.
process.on("uncaughtException", (error) => {
  sayError(`The server ends because of an error that nobody expected: ${errorText(error)}`);
  process.exit(1);
});

try {
  const config = parseConfig(process.env);
  say("avatar is starting. The first start takes a few seconds more.");
  const starting = startApp(config);

  let stoppingSince: number | undefined;
  for (const [signal, number] of [
    ["SIGINT", 2],
    ["SIGTERM", 15],
  ] as const) {
    process.on(signal, () => {
      if (stoppingSince !== undefined) {
        if (performance.now() - stoppingSince > SAME_SIGNAL_MS) process.exit(128 + number);
        return;
      }
      stoppingSince = performance.now();
      say("avatar is stopping, which may take some seconds. Once more to end it at once.");
      starting
        .then((app) => app.stop())
        .then(
          () => process.exit(0),
          (error) => {
            sayError(`The server did not stop cleanly: ${errorText(error)}`);
            process.exit(1);
          },
        );
    });
  }

  const app = await starting;
  if (app.firstApiKey) say(`Your API key, shown this once: ${app.firstApiKey}`);
  say(`avatar is documented at ${app.url}/docs`);
  say(`avatar is listening on ${app.url}`);
} catch (error) {
  if (error instanceof StartError) sayError(error.message);
  else sayError(errorText(error));
  process.exit(error instanceof StartError ? 2 : 1);
}
