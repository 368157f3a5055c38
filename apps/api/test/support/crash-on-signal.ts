/** Loaded into a server by `node --import`: on SIGUSR2 it meets an error that nobody catches, and that carries much. */
process.on("SIGUSR2", () => {
  const cause = Object.assign(new Error("it was refused"), {
    detail: "Failing row contains (canary-prompt)",
  });
  const message = "Failed query: insert into jobs values ($1)\nparams: canary-prompt";
  throw Object.assign(new Error(message, { cause }), { params: ["canary-prompt"], query: "canary-prompt" });
});
