import { expect, test } from "vitest";
import { isDatabaseUnavailable } from "./unavailable.ts";

const error = (code: unknown, cause?: Error) => Object.assign(new Error("no", { cause }), { code });

test.each([
  ["08006", "the connection failed"],
  ["28P01", "the password was changed"],
  ["3D000", "the database is being put back"],
  ["53300", "too many connections"],
  ["57014", "a statement took too long"],
  ["57P01", "the server is going down"],
  ["57P03", "the server is coming up"],
  ["CONNECTION_CLOSED", "postgres.js lost it"],
  ["CONNECT_TIMEOUT", "postgres.js did not get it"],
  ["ECONNREFUSED", "nobody listens"],
  ["EAI_AGAIN", "the name was not resolved"],
])("%s is a matter of time: %s", (code) => {
  expect(isDatabaseUnavailable(error(code))).toBe(true);
  expect(isDatabaseUnavailable(new Error("outer", { cause: error("X", error(code)) }))).toBe(true);
});

test.each([["23505"], ["42P01"], ["57P1"], ["X57014"], ["0800"], [8006], [undefined]])(
  "%s is not",
  (code) => {
    expect(isDatabaseUnavailable(error(code))).toBe(false);
  },
);

test.each([undefined, null, "08006", { code: "08006" }])("%j is no error", (thing) => {
  expect(isDatabaseUnavailable(thing)).toBe(false);
});
