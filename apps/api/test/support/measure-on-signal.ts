import { monitorEventLoopDelay } from "node:perf_hooks";

/** Loaded into a server by `node --import`: on SIGUSR2 it says what it took since the last time. */
const delay = monitorEventLoopDelay({ resolution: 1 });
let before = process.cpuUsage();
delay.enable();
process.on("SIGUSR2", () => {
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000;
  process.stdout.write(`took ${JSON.stringify({ cpuMs, p99Ms: delay.percentile(99) / 1e6 })}\n`);
  delay.reset();
  before = process.cpuUsage();
});
