import { withChecksum } from "@avatar/contract/api-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../src/trpc/operations.ts";
import { throughBothDoors, throughRest, throughTrpc } from "./support/doors.ts";
import { makeChild, makeKey, revokeKey, rotateKey, uploadInputs } from "./support/keys.ts";
import { rawAnswer } from "./support/raw-answer.ts";
import { insertJob, insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

type Headers = Record<string, string | undefined>;
/** A call with these headers and no other key. */
const list = (headers: Headers, input = {}) => ({ input, headers: { authorization: undefined, ...headers } });

test.each([throughRest, throughTrpc])("a 401 names the scheme to use: %o", async (send) => {
  const { headers } = await send(api, "jobs.list", list({}));
  expect(headers.get("www-authenticate")).toBe("Bearer");
});

/** Keys that were good, and how they are no longer. */
const ENDED: Record<string, () => Promise<{ key: string }>> = {
  async revoked() {
    const made = await makeKey(api);
    await revokeKey(api, made.id);
    return made;
  },
  async expired() {
    return { key: await insertKey(api, "owner_a", { expiresAt: new Date(Date.now() - 1) }) };
  },
  async "rotated away"() {
    const made = await makeKey(api);
    await rotateKey(api, made.id, { overlapSeconds: 0 });
    return made;
  },
  async "rotated away twice"() {
    const made = await makeKey(api);
    for (let i = 0; i < 2; i++) await rotateKey(api, made.id);
    return made;
  },
  async "a child of a revoked parent"() {
    const parent = await makeKey(api);
    const child = await makeChild(api, parent);
    await revokeKey(api, parent.id);
    return child;
  },
  async "a child of an expired parent"() {
    const parent = await insertKey(api, "owner_a", { id: "key_parent" });
    const child = await makeChild(api, {
      rest: (...call) => api.rest(call[0], call[1], call[2], bearer(parent)),
    });
    await api.db.execute("update api_keys set expires_at = now() - interval '1 s' where id = 'key_parent'");
    return child;
  },
  async "a child of a text that is no more"() {
    const parent = await makeKey(api);
    const child = await makeChild(api, parent);
    await rotateKey(api, parent.id, { overlapSeconds: 0 });
    return child;
  },
};
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const UNKNOWN = withChecksum(`avk_live_${"U".repeat(34)}`);
const FORMS: [string, () => Promise<Headers> | Headers][] = [
  ["an empty one", () => ({ authorization: "" })],
  ["an unknown one", () => bearer(UNKNOWN)],
  ["an unknown test key", () => bearer(withChecksum(`avk_test_${"U".repeat(34)}`))],
  ["an unknown one in X-API-Key", () => ({ "x-api-key": UNKNOWN })],
  ["a mistyped one", () => bearer(`${api.apiKey.slice(0, -1)}${api.apiKey.endsWith("0") ? "1" : "0"}`)],
  ["a malformed one", () => bearer("nonsense")],
  ["a very long one", () => bearer("x".repeat(8000))],
  ["the hash of one", () => bearer("0".repeat(64))],
  ["a valid one, but not as Bearer", () => ({ authorization: `Basic ${api.apiKey}` })],
  ["a valid one with more behind it", () => bearer(`${api.apiKey} ${api.apiKey}`)],
  ...Object.entries(ENDED).map(([how, make]): [string, () => Promise<Headers>] => [
    `one that is ${how}`,
    async () => bearer((await make()).key),
  ]),
];

describe("S6: a request without a valid key", () => {
  const TARGETS = [
    "/v1/jobs",
    "/v1/jobs/job_1/result",
    "/v1/keys/current",
    "/trpc/jobs.list",
    "/trpc/keys.current,jobs.list?batch=1",
  ];

  test.each(FORMS)("with %s gets the bytes of a request without any", async (_what, make) => {
    const headers = await make();
    for (const target of TARGETS)
      expect(await rawAnswer(api, "GET", target, headers)).toBe(await rawAnswer(api, "GET", target, {}));
    for (const target of ["/v1/jobs", "/trpc/jobs.create"])
      expect(await rawAnswer(api, "POST", target, headers, "{")).toBe(
        await rawAnswer(api, "POST", target, {}, "{"),
      );
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

const ofOneJob = operations
  .filter(({ name, pathParams }) => name.startsWith("jobs.") && pathParams.includes("id"))
  .map(({ name }) => name);

/** The same answer but for the time, the request and, where it is said again, what was asked for. */
async function comparedBytes(
  name: string,
  input: Record<string, string>,
  headers: Headers = bearer(api.apiKey),
) {
  const answers = [];
  for (const send of [throughRest, throughTrpc]) {
    const { status, headers: head, body } = await send(api, name, { input, headers });
    const lasting = [...head].filter(([field]) => !["date", "x-request-id"].includes(field));
    answers.push([status, lasting, body]);
  }
  return Object.values(input).reduce(
    (text, asked) => text.replaceAll(asked, "what was asked for"),
    JSON.stringify(answers).replace(/req_\w+/g, ""),
  );
}

describe("S6: what is another owner's is as if it did not exist", () => {
  const nothing = (prefix: string) => `${prefix}_${"0".repeat(32)}`;

  test.each(ofOneJob)("a job in %s", async (name) => {
    const { id } = await insertJob(api, { owner: "owner_other", status: "succeeded" });
    expect(await comparedBytes(name, { id })).toBe(await comparedBytes(name, { id: nothing("job") }));
  });

  test.each(["image", "audio"])("an upload as %s of a job", async (field) => {
    const foreign = await uploadInputs(await makeKey(api));
    const own = await uploadInputs(api);
    const bytes = (id: string) => comparedBytes("jobs.create", { ...own, [field]: id });
    const seen = await bytes(field === "image" ? foreign.image : foreign.audio);
    expect(seen).toContain("upload_not_found");
    expect(seen).toBe(await bytes(nothing("upload")));
  });

  test.each(["keys.update", "keys.rotate", "keys.revoke"])(
    "a key in %s, its own too, without admin",
    async (name) => {
      const own = await makeKey(api);
      const foreign = await makeKey(api);
      const bytes = (id: string) => comparedBytes(name, { id }, bearer(own.key));
      const seen = await bytes(nothing("key"));
      expect(seen).toContain("insufficient_scope");
      expect([await bytes(foreign.id), await bytes(own.id)]).toEqual([seen, seen]);
    },
  );

  test("a job in the list", async () => {
    await insertJob(api, { owner: "owner_other" });
    expect((await (await makeKey(api)).rest("GET", "/v1/jobs")).body).toEqual({ items: [] });
  });
});
