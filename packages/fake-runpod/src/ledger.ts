/** What RunPod bills: a worker from its wake to its stop, each time rounded up to the second. */
export interface Bill {
  workerId: string;
  wokeAtMs: number;
  /** Undefined while it lives. */
  stoppedAtMs: number | undefined;
}

export class Ledger {
  readonly bills: Bill[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  open(workerId: string): () => void {
    const bill: Bill = { workerId, wokeAtMs: this.#nowMs(), stoppedAtMs: undefined };
    this.bills.push(bill);
    return () => {
      bill.stoppedAtMs ??= this.#nowMs();
    };
  }

  /** So far, for workers that live. */
  get seconds(): number {
    return this.bills.reduce(
      (sum, { wokeAtMs, stoppedAtMs = this.#nowMs() }) => sum + Math.ceil((stoppedAtMs - wokeAtMs) / 1000),
      0,
    );
  }

  get isRunning(): boolean {
    return this.bills.some(({ stoppedAtMs }) => stoppedAtMs === undefined);
  }
}
