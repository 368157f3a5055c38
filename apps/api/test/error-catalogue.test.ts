import { ERROR_CODES, ERRORS, type ErrorCode, errorDocsPath } from "@avatar/contract/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { throughRest, throughTrpc } from "./support/doors.ts";
import { expectNoLeak } from "./support/expect-no-leak.ts";
import { aForm, FORM_TYPE } from "./support/multipart.ts";
import { BY_REQUESTS } from "./support/producers/of-requests.ts";
import { BY_RUNPOD } from "./support/producers/of-runpod.ts";
import { BY_RUNS } from "./support/producers/of-runs.ts";
import { BY_STATE } from "./support/producers/of-state.ts";
import { type Producers, startWorld, type World } from "./support/producers/world.ts";
import { aJobInput } from "./support/refusals.ts";

const PRODUCERS: Producers = { ...BY_REQUESTS, ...BY_STATE, ...BY_RUNS, ...BY_RUNPOD };

/** In the contract, but the API cannot answer them yet. */
const NOT_BUILT_YET: ErrorCode[] = ["overloaded"];

/** What failed on our side is told in words that nothing of the failure gets into: the title, or these. */
const OUR_WORDS: Partial<Record<ErrorCode, string>> = {
  queue_timeout: "No worker was free in time.",
  run_lost: "2 runs were lost.",
  run_timeout: "The render did not finish in time.",
  start_timeout: "The worker did not start in time.",
};

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

const built = ERROR_CODES.filter((code) => !NOT_BUILT_YET.includes(code));

test.each(built)(
  "%s is answered when its cause is there, with what a customer may know",
  async (code) => {
    const produce = PRODUCERS[code];
    if (!produce) throw new Error(`add a way to get ${code} to support/producers`);
    const answer = await produce(world);
    const { status, title, hint } = ERRORS[code];
    const docs = errorDocsPath(code);
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({ code, status, title, hint, docs, type: docs });
    expect(answer.body.requestId).toBe(answer.headers.get("x-request-id"));
    expect(answer.body.detail).toMatch(/^\S.*\.$/s);
    if (status >= 500) expect(answer.body.detail).toBe(OUR_WORDS[code] ?? `${title}.`);
    expectNoLeak(answer, [...world.secrets, "s3cret"]);
  },
  60_000,
);

test("what cannot be answered yet has no producer", () => {
  expect(NOT_BUILT_YET.filter((code) => PRODUCERS[code])).toEqual([]);
});

test.each(["image", "audio"])(
  "another owner's upload as the %s is answered for as one that never was",
  async (file) => {
    const { api, theirs } = world;
    const input = await aJobInput(api);
    for (const send of [throughRest, throughTrpc]) {
      const said = async (id: string) => {
        const { status, headers, body } = await send(api, "jobs.create", { input: { ...input, [file]: id } });
        const lasting = [...headers].filter(([name]) => name !== "date");
        return JSON.stringify([status, lasting, body])
          .replaceAll(id, "")
          .replaceAll(/req_\w+/g, "");
      };
      expect(await said(theirs.upload)).toBe(await said(`upload_${"0".repeat(32)}`));
    }
  },
);

test("what nobody expected tells nothing of itself in a form and in a batch, either", async () => {
  const { api, database } = world;
  const batch = `/trpc/jobs.list,jobs.get?batch=1&input=${encodeURIComponent('{"0":{},"1":{"id":"job_1"}}')}`;
  const [form, queries] = await database.withoutTables(() =>
    Promise.all([api.rest("POST", "/v1/jobs", aForm(), FORM_TYPE), api.rest("GET", batch)]),
  );
  expect([form.status, form.body.code]).toEqual([500, "internal"]);
  const [list, get] = queries.body;
  expect([queries.status, list.error.data.code, get.error.data.code]).toEqual([500, "internal", "internal"]);
  for (const answer of [form, queries]) expectNoLeak(answer, world.secrets);
  expect(api.logs.join(""), "what the answers keep back").toMatch(/relation \\"jobs\\" does not exist/);
});
