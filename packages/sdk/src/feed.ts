interface Step<T> {
  value: T;
  next: Promise<Step<T> | undefined>;
}

/** A stream of values for any number of readers; each sees the latest value first and then all that follow. */
export interface Feed<T> extends AsyncIterable<T> {
  push(value: T): void;
  end(): void;
  fail(error: unknown): void;
}

/** A linked list of promises: readers hold their place, so there is nobody to notify and nothing to clean up. */
export function createFeed<T>(): Feed<T> {
  let last = deferred<Step<T> | undefined>();
  let latest = last.promise;
  return {
    push(value) {
      const { resolve } = last;
      last = deferred();
      const step = { value, next: last.promise };
      latest = Promise.resolve(step);
      resolve(step);
    },
    end: () => last.resolve(undefined),
    fail: (error) => last.reject(error),
    async *[Symbol.asyncIterator]() {
      for (let step = await latest; step; step = await step.next) yield step.value;
    },
  };
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** May be rejected while nobody listens. */
export function deferred<T>(): Deferred<T> {
  const made = {} as Deferred<T>;
  made.promise = new Promise<T>((resolve, reject) => Object.assign(made, { resolve, reject }));
  made.promise.catch(() => {});
  return made;
}
