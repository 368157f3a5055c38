import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { withChecksum } from "@avatar/contract/api-keys";
import { afterAll, beforeAll, expect, test } from "vitest";
import { operations } from "../src/trpc/operations.ts";
import { aPng, aWav } from "./media/media-files.ts";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { type Call, operationNamed, throughRest, throughTrpc } from "./support/doors.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import { commonRefusals, OWN_REFUSALS, VALID_INPUT } from "./support/refusals.ts";
import type { RestAnswer } from "./support/rest.ts";
import { METRICS_TOKEN, startTestApi, TEST_KEY, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

/** What nobody may read anywhere. */
const SECRETS: Record<string, string> = {
  "the first API key": TEST_KEY,
  "a key that is not known": withChecksum(`avk_live_${"N".repeat(34)}`),
  "something else that was sent as a key": "canary-no-key",
  "the metrics token": METRICS_TOKEN,
  "RunPod's key": "rpa_CANARY",
  "a webhook token": "c0".repeat(32),
};
/** What only its owner may read, in answers that succeed. */
const PRIVATE: Record<string, string> = {
  "an Idempotency-Key": "canary-idempotency-key",
  "a prompt": "canary-prompt",
  metadata: "canary-metadata",
  "the query of a URL": "canary-query",
  "the name of a file": "canary-file-name",
};

const database = createBreakableDatabase();
let stored: TestDatabase;
let api: TestApi;
let answers: RestAnswer[] = [];
const runpod = createServer((request, response) => {
  request.resume();
  // As bad as it gets: what was sent comes back, in the words of an error.
  response.writeHead(500).end(`{"error":"${request.headers.authorization} may not do ${request.url}"}`);
});

beforeAll(async () => {
  runpod.listen(0, "127.0.0.1");
  await once(runpod, "listening");
  stored = await createTestDatabase();
  const baseUrl = `http://127.0.0.1:${(runpod.address() as AddressInfo).port}`;
  api = await startTestApi({
    database: stored,
    openDatabase: database.open,
    config: { runpod: { apiKey: "rpa_CANARY", endpointId: "ep1", baseUrl } },
    runpod: { pollMs: 100, answerMs: 1000 },
  });
  if (stored.r2) SECRETS["the secret of the bucket"] = stored.r2.secretAccessKey;
  else {
    const secret = await readFile(join(stored.dataDir, "signing-secret"));
    for (const encoding of ["hex", "base64", "latin1"] as const)
      SECRETS[`the signing secret in ${encoding}`] = secret.toString(encoding);
  }
});
afterAll(async () => {
  await api.stop();
  await stored.remove();
  runpod.close();
});

/** What was found of these where it must not be. */
function foundIn(text: string, canaries: Record<string, string>): string[] {
  // As it is in a line of JSON, and in one within another.
  const escaped = (canary: string) => JSON.stringify(canary).slice(1, -1);
  return Object.entries(canaries)
    .filter(([, canary]) => text.includes(canary) || text.includes(escaped(canary)))
    .map(([name]) => name);
}

/** Signatures of links, as they are found in any answer. */
const SIGNATURE = /(?:signature|X-Amz-Signature)=([0-9a-f]{64})/gi;

async function expectNoLeaks(): Promise<void> {
  const signatures = Object.fromEntries(
    [...JSON.stringify(answers).matchAll(SIGNATURE)].map(([, hex = ""]) => [`a signature ${hex}`, hex]),
  );
  const all = { ...SECRETS, ...PRIVATE, ...signatures };
  const metrics = await fetch(new URL("/metrics", api.url), {
    headers: { authorization: `Bearer ${METRICS_TOKEN}` },
  });
  expect(foundIn(api.logs.join(""), all), "in the log").toEqual([]);
  expect(foundIn(await metrics.text(), all), "in the metrics").toEqual([]);
  for (const { status, headers, body } of answers) {
    const text = JSON.stringify([[...headers], body]);
    expect(foundIn(text, status < 400 ? SECRETS : all), text).toEqual([]);
  }
}

const HEADERS = {
  "idempotency-key": PRIVATE["an Idempotency-Key"],
  cookie: "session=canary-no-key",
  "x-api-key": SECRETS["a key that is not known"],
};
const DOORS = [throughRest, throughTrpc];

/** The call with something private wherever it takes something. */
function withCanaries(name: string, call: Call): Call {
  const { input } = call;
  if (name !== "jobs.create" || typeof input !== "object")
    return { ...call, headers: { ...HEADERS, ...call.headers } };
  const more = { prompt: PRIVATE["a prompt"], metadata: { order: PRIVATE.metadata } };
  return { ...call, input: { ...more, ...input }, headers: { ...HEADERS, ...call.headers } };
}

test.each(operations.map(({ name }) => name))(
  "S7: %s tells no secrets, whatever goes wrong",
  async (name) => {
    answers = [];
    const refusals = { ...commonRefusals(name), ...OWN_REFUSALS[name] };
    for (const send of DOORS) {
      const valid = async () => withCanaries(name, { input: await VALID_INPUT[name]?.(api) });
      const call = await valid();
      answers.push(await send(api, name, call));
      for (const code of operationNamed(name).errors) {
        const refusal = await refusals[code]?.(api);
        if (refusal) answers.push(await send(api, name, withCanaries(name, refusal)));
      }
      for (const authorization of [
        `Bearer ${SECRETS["a key that is not known"]}`,
        "Bearer canary-no-key",
        "Basic canary-no-key",
      ])
        answers.push(await send(api, name, { ...call, headers: { ...HEADERS, authorization } }));
      const another = await valid();
      const headers = { ...another.headers, "idempotency-key": `${PRIVATE["an Idempotency-Key"]}-2` };
      const fresh = { ...another, headers };
      answers.push(await database.whileDown(() => send(api, name, fresh)));
      answers.push(await database.withoutTables(() => send(api, name, fresh)));
      answers.push(await database.whileRefusing(() => send(api, name, fresh)));
    }
    const codes = answers.map(({ body }) => body.code);
    expect(codes).toEqual(expect.arrayContaining(["unauthorized", "unknown_field"]));
    await expectNoLeaks();
  },
);

test("S7: forms, links, webhooks and polls tell no secrets", async () => {
  answers = [];
  const file = (name: string, type: string, content: Buffer) => ({
    name,
    type,
    content,
    fileName: "canary-file-name",
  });
  const parts = [
    file("image", "image/png", aPng()),
    file("audio", "audio/wav", aWav()),
    { name: "prompt", content: "canary-prompt" },
    { name: "metadata", content: JSON.stringify({ order: PRIVATE.metadata }) },
  ];
  const headers = { ...FORM_TYPE, "idempotency-key": "canary-idempotency-key-3" };
  const form = (body: Buffer) => api.rest("POST", "/v1/jobs", body, headers);
  answers.push(
    await form(multipart(parts)),
    await form(multipart([...parts, { name: "seed", content: "canary-query" }])),
    await form(multipart(parts, "")),
    await database.withoutTables(() => form(multipart(parts))),
    await database.whileRefusing(() => form(multipart(parts))),
  );

  const url = { image: "https://127.0.0.1/?X=canary-query", audio: "https://me:canary-query@example.com/a" };
  answers.push(await api.rest("POST", "/v1/jobs", url));
  answers.push(await api.rest("GET", "/v1/jobs?limit=1&key=canary-query"));
  answers.push(await api.rest("GET", "/nope?key=canary-query"));
  answers.push(await api.rest("GET", `/webhooks/runpod/job_1/run_1?token=${SECRETS["a webhook token"]}`));
  answers.push(await api.rest("POST", `/webhooks/runpod/job_1/run_1?token=${SECRETS["a webhook token"]}`));

  const upload = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
  answers.push(upload);
  const put = (body: string, link = upload.body.url) =>
    fetch(link, { method: "PUT", headers: upload.body.headers, body });
  const get = (link: string) => fetch(link);
  for (const asked of [
    () => put("four"),
    () => put("abc"),
    () => put("abc"),
    () => put("abc", upload.body.url.replace(/.$/, "x")),
    () => get(upload.body.url),
  ]) {
    const answer = await asked();
    const text = await answer.text();
    if (!stored.r2) answers.push({ status: answer.status, headers: answer.headers, body: text });
  }
  expect(new Set(answers.map(({ status }) => status))).toEqual(
    new Set([201, 202, 400, 401, 404, 405, 422, 500].concat(stored.r2 ? [] : [200, 403, 412, 413])),
  );
  await until("RunPod has refused", () => api.logs.some((line) => line.includes("POST run: 500")));
  await expectNoLeaks();
});
