import { z } from "zod";
import { SCOPES } from "./api-keys.ts";
import { LIMITS } from "./limits.ts";
import { Id, storable, Timestamp } from "./schemas.ts";

/** Shows all that it is: nothing invisible, nothing that turns text around or commands a terminal. */
const plain = [
  (text: string) => !/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/u.test(text) && text.trim() === text,
  "expected text without control or invisible characters, and without spaces at its ends",
] as const;

const Mode = z
  .enum(["live", "test"])
  .describe("live renders on the engine and costs money; test renders previews and is free");
const Scopes = z.array(z.enum(SCOPES)).min(1).max(SCOPES.length);
const text = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .refine(...storable)
    .refine(...plain);
const Name = text(100);
const Owner = text(64);

const childLimits = {
  requestsPerMinute: z.int().min(1).max(1e9).optional().describe("A minute begins with its first request"),
  jobsInFlight: z.int().min(1).max(1e9).optional().describe("Jobs that are not over"),
  jobsQueued: z.int().min(1).max(1e9).optional().describe("Jobs that have not begun"),
  gpuSecondsPerDay: z
    .int()
    .min(0)
    .max(1e9)
    .optional()
    .describe(
      "A day in UTC; of a child key its whole life. What runs took that failed by our fault is not counted",
    ),
};
const keyLimits = {
  ...childLimits,
  usdPerDay: z
    .number()
    .min(0)
    .max(1e9)
    .optional()
    .describe("Dollars, in a day in UTC, but for runs that failed by our fault"),
  usdPerMonth: z
    .number()
    .min(0)
    .max(1e9)
    .optional()
    .describe("Dollars, in a month in UTC, but for runs that failed by our fault"),
};
const KeyLimitsInput = z.strictObject(keyLimits);

const key = {
  id: Id,
  owner: z.string().describe("Jobs belong to the owner: its keys of one mode see the same jobs"),
  name: z.string(),
  mode: Mode,
  scopes: Scopes,
  hint: z.string().describe("How it begins and ends, to tell it from others"),
  limits: z.object(keyLimits).describe("What is left out is not limited by the key"),
  createdAt: Timestamp,
  expiresAt: Timestamp.optional(),
  lastUsedAt: Timestamp.optional().describe("To within a minute"),
  revokedAt: Timestamp.optional(),
  previousUntil: Timestamp.optional().describe(
    "Until then what the key was before its rotation works as well",
  ),
  parentId: Id.optional().describe("Of a child key: the key that made it, and ends with it"),
};
export const Key = z.object(key).meta({ id: "Key" });
export const NewKey = z
  .object({ ...key, key: z.string().describe("The key itself. Keep it: it is not shown again") })
  .meta({ id: "NewKey" });

export const CreateKeyInput = z
  .strictObject({
    owner: Owner.refine((name) => name !== "*", "expected a name: * stands for all owners"),
    name: Name,
    mode: Mode.default("live"),
    scopes: Scopes.default(["generate", "read"]),
    expiresAt: Timestamp.optional(),
    limits: KeyLimitsInput.default({}).describe("Where one is left out, the default of the deployment holds"),
  })
  .meta({ id: "CreateKeyInput" });

const { childKeyTtlSeconds, keyOverlapSeconds, list } = LIMITS;

export const CreateChildKeyInput = z
  .strictObject({
    ttlSeconds: z
      .int()
      .min(childKeyTtlSeconds.min)
      .max(childKeyTtlSeconds.max)
      .default(childKeyTtlSeconds.default),
    scopes: z
      .array(z.enum(["generate", "read"]))
      .min(1)
      .max(2)
      .optional()
      .describe("Of those that this key has; default both"),
    limits: z.strictObject(childLimits).default({}).describe("Beside those of this key, which hold as well"),
  })
  .meta({ id: "CreateChildKeyInput" });

export const UpdateKeyInput = z.strictObject({
  id: Id,
  name: Name.optional(),
  scopes: Scopes.optional(),
  limits: KeyLimitsInput.optional().describe("Takes the place of all that were set"),
});

export const RotateKeyInput = z.strictObject({
  id: Id,
  overlapSeconds: z
    .int()
    .min(0)
    .max(keyOverlapSeconds.max)
    .default(keyOverlapSeconds.default)
    .describe("How long the key as it was works as well"),
});

export const KeyIdInput = z.strictObject({ id: Id });
export const GetCurrentKeyInput = z.strictObject({});

export const ListKeysInput = z.strictObject({
  owner: Owner.optional(),
  limit: z.int().min(1).max(list.maxLimit).default(list.defaultLimit),
  cursor: z.string().max(200).optional().describe("nextCursor of the page before"),
});

export const KeyPage = z
  .object({
    items: z.array(Key),
    nextCursor: z.string().optional().describe("Left out on the last page"),
  })
  .meta({ id: "KeyPage" });
