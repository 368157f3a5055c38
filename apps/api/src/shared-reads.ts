import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Who asks for the same thing in one turn of the event loop shares one read, which begins once all of them have asked: a
 * change wakes thousands of clients of one job at once, and none of them may get what was there before.
 */
export function createSharedReads<T>() {
  const asked = new Map<string, Promise<T>>();

  return function share(name: string, read: () => Promise<T>): Promise<T> {
    const shared = asked.get(name);
    if (shared) return shared;
    const reading = nextTurn().then(() => {
      asked.delete(name);
      return read();
    });
    asked.set(name, reading);
    return reading;
  };
}
