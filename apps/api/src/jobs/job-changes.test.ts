import { pino } from "pino";
import { expect, test } from "vitest";
import { createJobChanges } from "./job-changes.ts";

const log = pino({ level: "silent" });

test("a change is announced whenever it comes, also just as the announcement before it ends", async () => {
  for (let microtasks = 0; microtasks < 12; microtasks++) {
    const announced: string[] = [];
    const sent = Promise.withResolvers<void>();
    const database = {
      listen: async () => {},
      async notify(_channel: string, ids: string) {
        announced.push(ids);
        if (announced.length === 1) await sent.promise;
      },
    };
    const changes = createJobChanges({ database, log });
    changes.publish("job_1");
    sent.resolve();
    for (let i = 0; i < microtasks; i++) await undefined;
    changes.publish("job_2");
    await changes.stop();
    expect(announced, `after ${microtasks} microtasks`).toEqual(["job_1", "job_2"]);
  }
});

test("publishing nothing does not keep later changes from being announced", async () => {
  const announced: string[] = [];
  const notify = async (_channel: string, ids: string) => void announced.push(ids);
  const changes = createJobChanges({ database: { listen: async () => {}, notify }, log });
  changes.publish();
  changes.publish("job_1");
  await changes.stop();
  expect(announced).toEqual(["job_1"]);
});
