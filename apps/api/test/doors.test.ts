import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../src/trpc/operations.ts";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { throughBothDoors } from "./support/doors.ts";
import {
  commonRefusals,
  NEEDS_NO_DATABASE,
  NEEDS_ONLY_KEYS,
  OWN_REFUSALS,
  VALID_INPUT,
} from "./support/refusals.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

/** Produced below, by a database that is broken. */
const BY_BROKEN_DATABASE: ErrorCode[] = ["internal", "unavailable"];

/** By many requests at once: see overload.test.ts. */
const BY_OVERLOAD: ErrorCode[] = ["overloaded"];

/** tRPC has no forms, and uploads of such sizes cannot be declared: see form.test.ts. */
const TOO_LARGE: ErrorCode[] = ["empty_file", "image_too_large", "audio_too_large"];
const ONLY_IN_FORMS: Record<string, ErrorCode[]> = {
  "jobs.create": ["malformed_multipart", "missing_part", ...TOO_LARGE],
  // There they are in files behind URLs: see url-inputs.test.ts.
  "jobs.estimate": TOO_LARGE,
};

/** By servers that customers name, and by a broken store: see url-inputs.test.ts and store-faults.test.ts. */
const BY_OTHER_SERVERS: ErrorCode[] = [
  "storage_unavailable",
  "url_too_many_redirects",
  "url_too_slow",
  "url_unreachable",
];

const pairs = operations.flatMap(({ name, errors }) =>
  errors
    .filter((code) => ![...BY_BROKEN_DATABASE, ...BY_OTHER_SERVERS, ...BY_OVERLOAD].includes(code))
    .filter((code) => !ONLY_IN_FORMS[name]?.includes(code))
    .map((code) => [name, code] as const),
);

describe("a working API", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 }, gpuPricePerSecond: 0.001 });
  });
  afterAll(() => api.stop());

  test.each(operations.map(({ name }) => name))("%s succeeds alike through both doors", async (name) => {
    const answer = await throughBothDoors(api, name, { input: await VALID_INPUT[name]?.(api) });
    expect(answer.status).toBeLessThan(300);
  });

  test.each(pairs)("%s answers %s alike through both doors", async (name, code) => {
    const refusal = OWN_REFUSALS[name]?.[code] ?? commonRefusals(name)[code];
    if (!refusal) throw new Error(`add a way to get ${code} from ${name} to support/refusals.ts`);
    const { status, body } = await throughBothDoors(api, name, await refusal(api));
    expect({ status, code: body.code }).toEqual({ status: ERRORS[code].status, code });
  });
});

test("no refusal is tested that an operation does not document", () => {
  for (const { name, errors } of operations)
    expect(errors).toEqual(expect.arrayContaining(Object.keys(OWN_REFUSALS[name] ?? {})));
});

describe("an API with a broken database", () => {
  const database = createBreakableDatabase();
  const startedAt = new Date();
  let api: TestApi;
  beforeAll(async () => {
    // With a clock that stands still the key stays in the cache, so calls get as far as their procedure.
    api = await startTestApi({
      openDatabase: database.open,
      now: () => startedAt,
      dispatcher: { maxRunsInFlight: 0 },
    });
    await api.rest("GET", "/v1/jobs");
  });
  afterAll(() => api.stop());

  const INPUT: Record<string, object> = {
    "jobs.create": { image: "upload_1", audio: "upload_2" },
    "jobs.estimate": { image: "upload_1", audio: "upload_2" },
    "jobs.list": {},
    "usage.get": {},
    "uploads.create": { contentType: "image/png", bytes: 100 },
    "keys.create": { owner: "owner_1", name: "one" },
    "keys.update": { id: "key_1", name: "one" },
    "keys.list": {},
    "keys.createChild": {},
    "keys.current": {},
  };
  const call = (name: string) => throughBothDoors(api, name, { input: INPUT[name] ?? { id: "job_1" } });
  const names = operations.map(({ name }) => name).filter((name) => !NEEDS_NO_DATABASE.includes(name));

  test.each(names.filter((name) => !NEEDS_ONLY_KEYS.includes(name)))(
    "%s tells nothing of an unexpected error",
    async (name) => {
      const { body } = await database.withoutTables(() => call(name));
      const { status, title, hint } = ERRORS.internal;
      const docs = "/docs/errors/internal";
      const { requestId } = body;
      const detail = `${title}.`;
      expect(body).toEqual({ code: "internal", status, title, detail, hint, docs, type: docs, requestId });
    },
  );

  test.each(names)("%s is unavailable while there is no database", async (name) => {
    const { status, headers, body } = await database.whileDown(() => call(name));
    expect([status, body.code, headers.get("retry-after")]).toEqual([503, "unavailable", "1"]);
  });
});
