import type { FakeRunPodOptions } from "@avatar/fake-runpod";
import { generate, startRunPodApi, workersThat } from "../runpod.ts";
import { until } from "../until.ts";
import { failure } from "./of-runs.ts";
import type { Producer, Producers } from "./world.ts";

const START_MS = 600_000;
/** A run's own time to start is a little shorter than its job's. */
const LATE_MS = 0.95 * START_MS;

const withWorkers = (options: Partial<FakeRunPodOptions> = {}) =>
  startRunPodApi({
    runpod: { ...workersThat(() => null), ...options },
    api: { dispatcher: { maxLostRuns: 2 } },
  });

/** RunPod answers every request so, with what is nobody's business. */
const answering =
  (status: number): Producer =>
  async () => {
    const { runpod, api } = await withWorkers();
    runpod.faults = () => ({ status, body: { error: `no: ${runpod.apiKey} at ${runpod.endpointId}` } });
    return failure(api, await generate(api));
  };

/** What RunPod, or the stand-in for it, makes a job end with. More of this: test/postgres/runpod-*.test.ts. */
export const BY_RUNPOD: Producers = {
  engine_unauthorized: answering(401),
  engine_quota_exceeded: answering(402),
  engine_misconfigured: answering(404),
  engine_unavailable: answering(503),
  async no_capacity() {
    const { runpod, api } = await withWorkers({ workersMax: 0 });
    const id = await generate(api);
    await until("it is at RunPod", () => runpod.platform.jobs.size === 1);
    api.advance(LATE_MS);
    return failure(api, id);
  },
};
