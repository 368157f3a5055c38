import { expect, onTestFinished, test } from "vitest";
import { startChildApi } from "../support/child-api.ts";
import { openEventSource, openSubscription } from "../support/events.ts";
import { startTestApi } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

test("a stream of one replica tells what another one does, through both doors", async () => {
  const database = await createTestDatabase("postgres");
  onTestFinished(database.remove);
  const watched = await startTestApi({ database, dispatcher: { maxRunsInFlight: 0 } });
  onTestFinished(watched.stop);
  const inputs = await watched.uploadFixtures();
  const { body } = await watched.rest("POST", "/v1/jobs", inputs);
  const source = openEventSource(watched, `/v1/jobs/${body.id}/events`);
  const subscription = openSubscription(watched, { id: body.id });
  onTestFinished(() => {
    source.close();
    subscription.unsubscribe();
  });
  await until(
    "both were told of the queued job",
    () => source.events.length + subscription.events.length === 2,
  );

  const rendering = await startChildApi({ database, child: { engine: "succeed" } });
  await subscription.ended;
  await until("the EventSource was told to stop", () => source.isClosed);
  await rendering.terminate();

  for (const jobs of [source.events.map(({ job }) => job), subscription.events.map(({ data }) => data)]) {
    expect(jobs[0]?.status).toBe("queued");
    expect(jobs.at(-1)?.status).toBe("succeeded");
  }
});
