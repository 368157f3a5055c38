import { once } from "node:events";
import { createServer } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import type { Job } from "../src/index.ts";
import { createWebhooks } from "../src/webhooks.ts";
import { start } from "./start.ts";

/** Answers webhooks with these, and then with 200. */
async function receive(answers: number[]) {
  const got: unknown[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    got.push(JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(answers.shift() ?? 200).end();
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`, got };
}

/** What the webhook of a job was answered with, once no more of them are sent. */
async function announce(answers: number[], times: number) {
  const { url, got } = await receive(answers);
  const webhooks = createWebhooks({ retryMs: 1, script: () => () => ({ times }) });
  await webhooks.announce({ id: "job", status: "COMPLETED", webhook: url } as Job);
  expect(got).toEqual(webhooks.delivered.map(() => ({ id: "job", status: "COMPLETED" })));
  return webhooks.delivered.map(({ status }) => status);
}

test("a webhook is sent until it is answered with 200, and so often as the script says", async () => {
  const { url, got } = await receive([500, 404]);
  const { runpod, run } = await start(() => ({ output: 1 }), { webhookRetryMs: 1 });
  runpod.webhookFaults = () => ({ times: 2 });
  const id = await run(1, { webhook: url });
  await vi.waitFor(() => expect(runpod.webhooks.map(({ status }) => status)).toEqual([500, 404, 200, 200]), {
    timeout: 20_000,
  });
  expect(got).toEqual(Array(4).fill(expect.objectContaining({ id, status: "COMPLETED", output: 1 })));
});

test("a webhook is given up after three tries", async () => {
  expect(await announce([500, 500, 500], 1)).toEqual([500, 500, 500]);
});

test("a webhook is lost, or sent twice with three tries each", async () => {
  expect(await announce([], 0)).toEqual([]);
  expect(await announce([], 2)).toEqual([200, 200]);
  expect(await announce([500, 500, 500, 201], 2)).toEqual([500, 500, 500, 201, 200]);
});
