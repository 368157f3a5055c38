import { withChecksum } from "@avatar/contract/api-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../src/trpc/operations.ts";
import { throughBothDoors, throughRest, throughTrpc } from "./support/doors.ts";
import { insertJob, insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
let revoked: string;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
  revoked = await insertKey(api, "owner_other", { revokedAt: new Date() });
});
afterAll(() => api.stop());

type Headers = Record<string, string | undefined>;
/** A call with these headers and no other key. */
const list = (headers: Headers, input = {}) => ({ input, headers: { authorization: undefined, ...headers } });

test.each([throughRest, throughTrpc])("a 401 names the scheme to use: %o", async (send) => {
  const { headers } = await send(api, "jobs.list", list({}));
  expect(headers.get("www-authenticate")).toBe("Bearer");
});

describe("a request without a valid key", () => {
  const unknown = withChecksum(`avk_live_${"U".repeat(34)}`);
  const cases: [string, () => Headers][] = [
    ["an empty one", () => ({ authorization: "" })],
    ["an unknown one", () => ({ authorization: `Bearer ${unknown}` })],
    ["an unknown one in X-API-Key", () => ({ "x-api-key": unknown })],
    ["a revoked one", () => ({ authorization: `Bearer ${revoked}` })],
    ["a malformed one", () => ({ authorization: "Bearer nonsense" })],
    ["a very long one", () => ({ authorization: `Bearer ${"x".repeat(8000)}` })],
    ["a valid one, but not as Bearer", () => ({ authorization: `Basic ${api.apiKey}` })],
  ];

  test.each(cases)("with %s gets the bytes of a request without any", async (_what, headers) => {
    for (const send of [throughRest, throughTrpc]) {
      const bytes = async (given: Headers) => {
        const answer = await send(api, "jobs.list", list(given));
        const head = [...answer.headers].filter(([name]) => name !== "date" && name !== "x-request-id");
        return JSON.stringify([answer.status, head, answer.body]).replace(/req_\w+/g, "");
      };
      expect(await bytes(headers())).toBe(await bytes({}));
    }
  });

  test("is refused before its input is looked at", async () => {
    const { body } = await throughBothDoors(api, "uploads.create", {
      body: "{",
      headers: { authorization: undefined, "content-type": "text/plain" },
    });
    expect(body.code).toBe("unauthorized");
  });
});

describe("a valid key", () => {
  test.each([
    ["Authorization", (key: string): Headers => ({ authorization: `Bearer ${key}` })],
    ["Authorization in lower case", (key: string): Headers => ({ authorization: `bearer ${key}` })],
    ["X-API-Key", (key: string): Headers => ({ "x-api-key": key })],
  ])("works in %s", async (_where, headers) => {
    const { status } = await throughBothDoors(api, "jobs.list", list(headers(api.apiKey)));
    expect(status).toBe(200);
  });

  test("works no longer once it is revoked", async () => {
    const call = list({ "x-api-key": await insertKey(api, "owner_a") });
    expect((await throughBothDoors(api, "jobs.list", call)).status).toBe(200);
    await api.db.execute("update api_keys set revoked_at = now() where owner = 'owner_a'");
    api.advance(1001);
    expect((await throughBothDoors(api, "jobs.list", call)).status).toBe(401);
  });

  test("sees the jobs of another key of its owner", async () => {
    const { id } = await insertJob(api, { owner: "owner_b" });
    const headers = { "x-api-key": await insertKey(api, "owner_b") };
    const { body } = await throughBothDoors(api, "jobs.get", list(headers, { id }));
    expect(body.id).toBe(id);
  });
});

const ofOneJob = operations.filter(({ pathParams }) => pathParams.includes("id")).map(({ name }) => name);

test.each(ofOneJob)("%s answers for another owner's job as for a missing one", async (name) => {
  const { id } = await insertJob(api, { owner: "owner_other", status: "succeeded" });
  for (const send of [throughRest, throughTrpc]) {
    const bytes = async (input: object) => {
      const { status, body } = await send(api, name, { input });
      return JSON.stringify([status, body]).replace(/req_\w+/, "");
    };
    expect(await bytes({ id })).toBe(await bytes({ id: `job_${"0".repeat(32)}` }));
  }
});
