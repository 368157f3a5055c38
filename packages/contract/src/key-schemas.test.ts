import { expect, test } from "vitest";
import { CreateKeyInput, ListKeysInput } from "./key-schemas.ts";

const isTaken = (input: object) => CreateKeyInput.safeParse({ owner: "acme", name: "one", ...input }).success;

test.each(["acme", "Ärzte & Co. KG", "株式会社", "auth0|5f7c8ec7c33c6c004bbafe82", "a@b.example", "😀"])(
  "%j can be an owner, and a name",
  (text) => {
    expect(isTaken({ owner: text, name: text })).toBe(true);
    expect(ListKeysInput.safeParse({ owner: text }).success).toBe(true);
  },
);

test.each([
  ["nothing", ""],
  ["a command for the terminal", "\u001b[2Jacme"],
  ["a line break", "acme\nkey_1  admin"],
  ["a tab", "a\tb"],
  ["a NUL", "acme\0"],
  ["text that is turned around", "acme\u202egro"],
  ["an isolate", "\u2066acme"],
  ["a space of no width", "ac\u200bme"],
  ["a soft hyphen", "ac\u00adme"],
  ["a line separator", "ac\u2028me"],
  ["half a character", "acme\ud800"],
  ["a private character", "\ue000"],
  ["a space before it", " acme"],
  ["a space behind it", "acme "],
])("no owner and no name is %s", (_what, text) => {
  expect(isTaken({ owner: text })).toBe(false);
  expect(isTaken({ name: text })).toBe(false);
});

test.each([
  ["requestsPerMinute", 0],
  ["jobsInFlight", 0],
  ["jobsQueued", 0],
  ["jobsQueued", 1.5],
  ["requestsPerMinute", 1e9 + 1],
  ["gpuSecondsPerDay", -1],
  ["gpuSecondsPerDay", 0.5],
  ["usdPerDay", -0.01],
  ["usdPerMonth", Number.POSITIVE_INFINITY],
  ["usdPerMonth", Number.NaN],
  ["usdPerYear", 1],
])("a key cannot have the limit %s of %d", (name, value) => {
  expect(isTaken({ limits: { [name]: value } })).toBe(false);
});

test.each([
  ["requestsPerMinute", 1],
  ["gpuSecondsPerDay", 0],
  ["usdPerDay", 0],
  ["usdPerMonth", 0.5],
])("a key can have the limit %s of %d", (name, value) => {
  expect(isTaken({ limits: { [name]: value } })).toBe(true);
});

test("no owner has the name that stands for all of them", () => {
  expect(isTaken({ owner: "*" })).toBe(false);
});

test.each([
  "2026-02-30T00:00:00Z",
  "2027-01-01",
  "2027-01-01T00:00:00",
  "2027-01-01T00:00:00+02:00",
  "tomorrow",
  "+275760-09-13T00:00:00.001Z",
  1_800_000_000_000,
])("%j is no time at which a key could expire", (expiresAt) => {
  expect(isTaken({ expiresAt })).toBe(false);
});
