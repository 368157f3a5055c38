import { Worker } from "node:worker_threads";

/** How long a thread may take to notice that it was stopped before it is ended. */
const GRACE_MS = 1000;

interface Settle<T> {
  resolve: (value: T) => void;
  reject: (error: Error) => void;
}

/**
 * Runs a script in a thread with `input`, and with an `abortFlag` that tells it to stop: the wasm encoder never returns to
 * its event loop, so it can only be told through shared memory. The thread is gone when this settles.
 * @param onMessage settles it, sooner or later
 */
export async function inThread<Message, T>(
  script: URL,
  input: object,
  signal: AbortSignal,
  onMessage: (message: Message, settle: Settle<T>) => void,
): Promise<T> {
  signal.throwIfAborted();
  const abortFlag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(script, { workerData: { ...input, abortFlag } });
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    Atomics.store(abortFlag, 0, 1);
    killer = setTimeout(() => void worker.terminate(), GRACE_MS);
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await new Promise<T>((resolve, reject) => {
      worker.on("message", (message: Message) => onMessage(message, { resolve, reject }));
      worker.on("error", reject);
      worker.on("exit", (code) => reject(new Error(`the thread ended with code ${code}`)));
    });
  } finally {
    clearTimeout(killer);
    signal.removeEventListener("abort", stop);
    await worker.terminate();
  }
}
