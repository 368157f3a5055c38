import { WatchJobInput } from "@avatar/contract/schemas";
import { tracked } from "@trpc/server";
import { readProcedure } from "../trpc/init.ts";

export const watchJob = readProcedure.input(WatchJobInput).subscription(async function* ({
  ctx,
  input,
  signal,
}) {
  const { jobs } = ctx.services;
  const after = Number(input.lastEventId ?? input.after ?? 0);
  for await (const job of jobs.watch(ctx.caller, input.id, after, signal)) {
    await ctx.authenticateAgain("read");
    yield tracked(String(job.version), job);
  }
  // Without the word that this is all, clients connect again: to another server.
  if (jobs.isStopping) throw new DOMException("The server stops.", "AbortError");
});
