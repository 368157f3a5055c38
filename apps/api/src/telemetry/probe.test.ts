import { expect, test } from "vitest";
import { createProbe } from "./probe.ts";

/** Answers when it is told to, and counts who asked. */
function createOracle() {
  const asked: PromiseWithResolvers<string>[] = [];
  const ask = () => {
    const answer = Promise.withResolvers<string>();
    asked.push(answer);
    return answer.promise;
  };
  return { asked, ask };
}

test("all who look at once share one question", async () => {
  const { asked, ask } = createOracle();
  const look = createProbe(ask);
  const found = Promise.all([look(), look()]);
  asked[0]?.resolve("fine");
  expect((await found).map(({ value, isUp }) => [value, isUp])).toEqual([
    ["fine", true],
    ["fine", true],
  ]);
  expect(asked).toHaveLength(1);
});

test("an answer holds for a while", async () => {
  const { asked, ask } = createOracle();
  const look = createProbe(ask, { freshMs: 60_000 });
  const first = look();
  asked[0]?.resolve("fine");
  await first;
  expect((await look()).value).toBe("fine");
  expect(asked).toHaveLength(1);
});

test("who does not answer is not waited for, and not asked again meanwhile", async () => {
  const { asked, ask } = createOracle();
  const look = createProbe(ask, { freshMs: 0, patienceMs: 5 });
  expect(await look()).toEqual({ value: undefined, isUp: false, seconds: 0.005 });
  expect((await look()).isUp).toBe(false);
  expect(asked).toHaveLength(1);
});

test("who fails is down, and asked again", async () => {
  const { asked, ask } = createOracle();
  const look = createProbe(ask, { freshMs: -1 });
  const first = look();
  asked[0]?.reject(new Error("away"));
  expect((await first).isUp).toBe(false);
  const second = look();
  asked[1]?.resolve("back");
  expect(await second).toMatchObject({ value: "back", isUp: true });
});
