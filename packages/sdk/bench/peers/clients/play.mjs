/** One call of one client, in a process of its own. Nothing here keeps it alive, or from crashing. */
const [client, url, abortAfterMs, path] = process.argv.slice(2);
const { connect } = await import(`./${client}.mjs`);
const { run, upload } = connect(url);
// Node loads its own fetch with the first request, whoever sends it.
await (await fetch(url)).text();

const controller = new AbortController();
let abortedAt;
if (Number(abortAfterMs))
  setTimeout(() => {
    abortedAt = performance.now();
    controller.abort();
  }, Number(abortAfterMs));

const rssBytes = process.memoryUsage.rss();
const startedAt = performance.now();
let error;
try {
  await (path ? upload(path) : run(controller.signal));
} catch (thrown) {
  error = `${thrown?.name}: ${thrown?.message}`;
}
const settledAt = performance.now();
process.send({
  error,
  ms: settledAt - startedAt,
  msAfterAbort: abortedAt && settledAt - abortedAt,
  settledAt: performance.timeOrigin + settledAt,
  peakBytes: process.resourceUsage().maxRSS * 1024 - rssBytes,
});
