import { AsyncLocalStorage } from "node:async_hooks";
import { appendFileSync } from "node:fs";
import { PgliteSession } from "drizzle-orm/pglite";
import { PostgresJsSession } from "drizzle-orm/postgres-js";
import type { Engine } from "../../src/engine/engine.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";

export interface CrashOptions {
  crashAt?: string;
  recordTo?: string;
}

type Call = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Names the moments before and after every call that leaves the process: each statement and commit, each call of the
 * store, of the engine and of RunPod. Writes each name to `recordTo` as it is passed, and ends the process at the first that
 * is `crashAt`, as kill -9 does.
 */
export function withCrashPoints(options: CrashOptions) {
  const transactions = new AsyncLocalStorage<{ last: string }>();
  const seen = new Set<string>();
  function pass(point: string): void {
    if (point === options.crashAt) process.kill(process.pid, "SIGKILL");
    if (!options.recordTo || seen.has(point)) return;
    seen.add(point);
    appendFileSync(options.recordTo, `${point}\n`);
  }

  async function around<T>(name: string, call: () => T | Promise<T>): Promise<T> {
    pass(`before ${name}`);
    const result = await call();
    pass(`after ${name}`);
    return result;
  }

  /** An object whose async methods have a point before and after. */
  const wrap = <T extends object>(of: string, target: T, only: readonly string[]): T =>
    new Proxy(target, {
      get(_, name) {
        const value = Reflect.get(target, name);
        if (typeof value !== "function" || !only.includes(String(name))) return value;
        return (...args: unknown[]) =>
          around(`${of}.${String(name)}`, () => Reflect.apply(value, target, args));
      },
    });

  for (const { prototype } of [PgliteSession, PostgresJsSession] as unknown as {
    prototype: Record<string, Call>;
  }[]) {
    const { prepareQuery, transaction } = prototype;
    if (!prepareQuery || !transaction) throw new Error("drizzle's sessions have changed");
    prototype.prepareQuery = function (...args) {
      const prepared = Reflect.apply(prepareQuery, this, args) as { execute: Call };
      const { execute } = prepared;
      const sql = (args[0] as { sql: string }).sql.replaceAll(/\s+/g, " ");
      prepared.execute = (...values) => {
        const scope = transactions.getStore();
        if (scope) scope.last = sql;
        return around(sql, () => Reflect.apply(execute, prepared, values));
      };
      return prepared;
    };
    prototype.transaction = async function (...args) {
      const scope = { last: "nothing" };
      const result = await transactions.run(scope, () => Reflect.apply(transaction, this, args));
      pass(`after the commit of ${scope.last}`);
      return result;
    };
  }

  // RunPod's operation is the first word after the endpoint.
  const { fetch } = globalThis;
  globalThis.fetch = (input, init) => {
    const operation = new URL(String(input)).pathname.split("/")[3];
    return around(`fetch ${operation}`, () => fetch(input, init));
  };

  return {
    wrapStore: <S extends ObjectStore>(store: S) =>
      wrap("store", store, ["put", "putNew", "putSigned", "head", "read", "delete", "signPut", "signGet"]),
    wrapEngine: (engine: Engine) => wrap("engine", engine, ["render"]),
  };
}
