import type { WorkerProcess } from "./platform.ts";

/** What it says of a job: null keeps it, and says nothing more. */
export type Work = (input: unknown) => object | null | Promise<object | null>;

/** Speaks the wire of RunPod's SDK, without a process. */
export function simpleWorker(env: Record<string, string>, work: Work): WorkerProcess & { stopped: string[] } {
  const ending = new AbortController();
  const { signal } = ending;
  const stopped: string[] = [];
  const at = (name: string, jobId = "") =>
    (env[name] ?? "").replace("$RUNPOD_POD_ID", env.RUNPOD_POD_ID ?? "").replace("$ID", jobId);
  const headers = { authorization: `Bearer ${env.RUNPOD_AI_API_KEY}` };
  const takeUrl = at("RUNPOD_WEBHOOK_GET_JOB", env.RUNPOD_POD_ID);

  async function takeJobs(): Promise<void> {
    while (!signal.aborted) {
      const answer = await fetch(takeUrl, { headers, signal });
      if (answer.status !== 200) continue;
      const { id, input } = (await answer.json()) as { id: string; input: unknown };
      const result = await work(input);
      if (!result) continue;
      const body = JSON.stringify(result);
      await fetch(at("RUNPOD_WEBHOOK_POST_OUTPUT", id), { method: "POST", headers, body, signal });
    }
  }

  async function takeStops(): Promise<void> {
    while (!signal.aborted) {
      const answer = await fetch(takeUrl.replace("job-take", "job-stop"), { headers, signal });
      if (answer.status === 200)
        stopped.push(...((await answer.json()) as { jobsToStop: string[] }).jobsToStop);
    }
  }

  const exited = Promise.allSettled([takeJobs(), takeStops()]).then(() => {});
  const end = () => ending.abort();
  return { exited, stopped, stop: end, kill: end };
}
