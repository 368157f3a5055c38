import { expect, test } from "vitest";
import { createSharedReads } from "./shared-reads.ts";

test("who asks in one turn shares a read; who asks once it has begun gets another", async () => {
  const share = createSharedReads<number>();
  let reads = 0;
  const answers = [1, 2].map(() => Promise.withResolvers<number>());
  const began = Promise.withResolvers<void>();
  const read = () => {
    began.resolve();
    return answers[reads++]?.promise ?? Promise.reject(new Error("too many reads"));
  };
  const early = [share("a", read), share("a", read)];
  await began.promise;
  const late = share("a", read);
  answers[0]?.resolve(1);
  answers[1]?.resolve(2);
  expect(await Promise.all([...early, late])).toEqual([1, 1, 2]);
});

test("a read that fails fails for all who share it, and for nobody after", async () => {
  const share = createSharedReads<number>();
  const fail = () => Promise.reject(new Error("away"));
  const both = [share("a", fail), share("a", fail), share("b", async () => 3)];
  expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual([
    "rejected",
    "rejected",
    "fulfilled",
  ]);
  expect(await share("a", async () => 4)).toBe(4);
});
