import { randomUUID } from "node:crypto";
import type { CreateChildKeyInput, CreateKeyInput, NewKey } from "@avatar/contract/key-types";
import { eq } from "drizzle-orm";
import { expect } from "vitest";
import { apiKeys, auditEvents } from "../../src/db/schema/schema.ts";
import { aPng, aWav } from "../media/media-files.ts";
import { createRest, type Rest, uploadFile } from "./rest.ts";
import type { TestApi } from "./test-api.ts";

/** A key, and the API as whoever has it sees it. */
export interface KeyInUse extends NewKey {
  url: string;
  rest: Rest;
}

const inUse = (api: Pick<TestApi, "url">, made: NewKey): KeyInUse => ({
  ...made,
  url: api.url,
  rest: createRest(api.url, made.key),
});

/** Made by the operator, for an owner of its own where none is given. */
export async function makeKey(
  api: Pick<TestApi, "url" | "rest">,
  input: Partial<CreateKeyInput> = {},
): Promise<KeyInUse> {
  const all = { owner: `owner_${randomUUID()}`, name: "test", ...input };
  const { status, body } = await api.rest("POST", "/v1/keys", all);
  expect([status, body.code]).toEqual([201, undefined]);
  return inUse(api, body);
}

export async function makeChild(
  api: Pick<TestApi, "url">,
  parent: { rest: Rest },
  input: CreateChildKeyInput = {},
): Promise<KeyInUse> {
  const { status, body } = await parent.rest("POST", "/v1/child-keys", input);
  expect([status, body.code]).toEqual([201, undefined]);
  return inUse(api, body);
}

export const rotateKey = async (
  api: Pick<TestApi, "url" | "rest">,
  id: string,
  input = {},
): Promise<KeyInUse> => {
  const { status, body } = await api.rest("POST", `/v1/keys/${id}/rotate`, input);
  expect([status, body.code]).toEqual([200, undefined]);
  return inUse(api, body);
};

export const revokeKey = (api: Pick<TestApi, "rest">, id: string) =>
  api.rest("POST", `/v1/keys/${id}/revoke`);

/** What the API says to the key: 200, or 401. */
export const statusOf = async ({ rest }: { rest: Rest }): Promise<number> =>
  (await rest("GET", "/v1/keys/current")).status;

/** Ids of a small portrait and recording that the key uploaded. */
export const uploadInputs = async ({ rest }: { rest: Rest }) => ({
  image: await uploadFile(rest, "image/png", aPng()),
  audio: await uploadFile(rest, "audio/wav", aWav()),
});

export const auditOf = async ({ db }: TestApi, keyId: string) =>
  (await db.select().from(auditEvents).where(eq(auditEvents.keyId, keyId)).orderBy(auditEvents.id)).map(
    ({ actor, action, details }) => ({ actor, action, details }),
  );

export async function keyRow({ db }: TestApi, id: string) {
  const [row] = await db.select().from(apiKeys).where(eq(apiKeys.id, id));
  if (!row) throw new Error(`there is no key ${id}`);
  return row;
}
