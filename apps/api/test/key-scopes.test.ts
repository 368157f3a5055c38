import { SCOPES } from "@avatar/contract/api-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../src/trpc/operations.ts";
import { throughRest, throughTrpc } from "./support/doors.ts";
import { VALID_INPUT } from "./support/refusals.ts";
import { insertKey, OWNER } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

test("every operation needs a scope, but for what is about the key itself and about everybody", () => {
  const free = operations.filter(({ scope }) => scope === undefined).map(({ name }) => name);
  expect(free).toEqual(["limits.get", "keys.createChild", "keys.current", "errors.list"]);
});

test("what changes keys, or shows those of others, is the operator's", () => {
  const ofOperator = operations.filter(({ scope }) => scope === "admin").map(({ name }) => name);
  expect(ofOperator).toEqual(["keys.create", "keys.list", "keys.update", "keys.rotate", "keys.revoke"]);
});

describe.each(operations)("$name", ({ name, scope }) => {
  test.each(SCOPES)("with a key that has the scope %s alone", async (only) => {
    const key = await insertKey(api, OWNER, { scopes: [only] });
    const mayMint = only !== "admin" || name !== "keys.createChild";
    const isAllowed = (scope === undefined || scope === only) && mayMint;
    for (const send of [throughRest, throughTrpc]) {
      const input = await VALID_INPUT[name]?.(api);
      const { status, body } = await send(api, name, { input, headers: { authorization: `Bearer ${key}` } });
      if (isAllowed) expect(status).toBeLessThan(300);
      else expect([status, body.code]).toEqual([403, "insufficient_scope"]);
    }
  });
});

test("a form is refused before its files are read", async () => {
  const key = await insertKey(api, OWNER, { scopes: ["read", "admin"] });
  const form = new FormData();
  form.set("image", new File([new Uint8Array(1_000_000)], "me.png", { type: "image/png" }));
  const before = await api.database.objects();
  const { body } = await api.rest("POST", "/v1/jobs", form, { authorization: `Bearer ${key}` });
  expect(body.code).toBe("insufficient_scope");
  expect(await api.database.objects()).toEqual(before);
});
