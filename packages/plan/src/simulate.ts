export interface Load {
  perDay: number;
  /** Of a day, in which all requests come. */
  hours: number;
  renderSeconds: number;
  coldStartSeconds: number;
  scaleUpSeconds: number;
  idleSeconds: number;
  workersMax: number;
  days: number;
  seed: number;
}

export interface Outcome {
  videos: number;
  /** Of all workers, each from its wake to its stop, rounded up to the second as RunPod does. */
  billedSeconds: number;
  /** Of it, those in which a worker waited for work. */
  idleSeconds: number;
  coldStarts: number;
  /** From the request to the video. */
  p50Seconds: number;
  p95Seconds: number;
}

interface Worker {
  wokeAt: number;
  freeAt: number;
}

/** Requests that come at random, and workers that wake for them and go again. The same seed gives the same outcome. */
export function simulate(load: Load): Outcome {
  const { renderSeconds, coldStartSeconds, scaleUpSeconds, idleSeconds, workersMax } = load;
  let workers: Worker[] = [];
  const outcome = { billedSeconds: 0, idleSeconds: 0, coldStarts: 0 };
  const waits: number[] = [];

  function stopIdle(now: number): void {
    const gone = workers.filter((worker) => worker.freeAt + idleSeconds < now);
    for (const { wokeAt, freeAt } of gone) {
      outcome.billedSeconds += Math.ceil(freeAt + idleSeconds - wokeAt);
      outcome.idleSeconds += idleSeconds;
    }
    workers = workers.filter((worker) => !gone.includes(worker));
  }

  for (const at of arrivals(load)) {
    stopIdle(at);
    let next = soonest(workers);
    const couldWake = workers.length < workersMax;
    // RunPod wakes another worker when the job has waited for a while.
    if (!next || (couldWake && next.freeAt > at + scaleUpSeconds)) {
      const wokeAt = at + scaleUpSeconds;
      const isReadyAt = wokeAt + coldStartSeconds;
      outcome.coldStarts++;
      const woken = { wokeAt, freeAt: isReadyAt };
      workers.push(woken);
      // The one that is ready first takes the job.
      next = next && next.freeAt < isReadyAt ? next : woken;
    }
    const start = Math.max(next.freeAt, at);
    outcome.idleSeconds += start - next.freeAt;
    next.freeAt = start + renderSeconds;
    waits.push(next.freeAt - at);
  }
  stopIdle(Number.POSITIVE_INFINITY);
  waits.sort((a, b) => a - b);
  const quantile = (q: number) => waits[Math.min(Math.floor(waits.length * q), waits.length - 1)] ?? 0;
  return { ...outcome, videos: waits.length, p50Seconds: quantile(0.5), p95Seconds: quantile(0.95) };
}

const soonest = (workers: Worker[]) =>
  workers.reduce<Worker | undefined>(
    (best, each) => (best && best.freeAt <= each.freeAt ? best : each),
    undefined,
  );

/** Independent of each other, and as many a day on average, within the hours. */
function* arrivals({ perDay, hours, days, seed }: Load): Generator<number> {
  const random = seededRandom(seed);
  const window = hours * 3600;
  for (let day = 0; day < days; day++) {
    let at = 0;
    for (;;) {
      at += (-Math.log(1 - random()) * window) / perDay;
      if (at >= window) break;
      yield day * 86_400 + at;
    }
  }
}

/** mulberry32: https://github.com/bryc/code/blob/master/jshash/PRNGs.md */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
