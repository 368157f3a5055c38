import { ERRORS } from "@avatar/contract/errors";
import { TRPCError } from "@trpc/server";
import { expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "./errors.ts";
import { toProblem } from "./problem.ts";

const codeOf = (error: unknown) => toProblem(error, "req_1").code;
const withCode = (code: string) => Object.assign(new Error("inner"), { code });

test("a problem has all that the catalogue says, and the request", () => {
  const error = new AppError("unavailable", {
    detail: "Come back.",
    retryAfterMs: 5,
    cause: new Error("inner"),
  });
  const { status, title, hint } = ERRORS.unavailable;
  expect(toProblem(error, "req_1")).toEqual({
    type: "/docs/errors/unavailable",
    docs: "/docs/errors/unavailable",
    code: "unavailable",
    status,
    title,
    hint,
    detail: "Come back.",
    requestId: "req_1",
    retryAfterMs: 5,
  });
});

test("an error without words of its own has those of its title", () => {
  expect(toProblem(new AppError("job_not_found"), "req_1").detail).toBe("No such job.");
});

test.each([
  ["an error", new Error("the password is 123")],
  ["text", "the password is 123"],
  ["nothing", undefined],
  ["an error of another library", withCode("ENOENT")],
  ["tRPC around one", new TRPCError({ code: "INTERNAL_SERVER_ERROR", cause: new Error("inner") })],
  ["output that does not match", new TRPCError({ code: "INTERNAL_SERVER_ERROR", cause: zodError("inner") })],
  ["an unknown tRPC code", new TRPCError({ code: "TEAPOT" as "CONFLICT", message: "inner" })],
])("%s is internal, and says nothing of itself", (_what, error) => {
  const problem = toProblem(error, "req_1");
  expect(problem).toMatchObject({ code: "internal", status: 500, detail: `${ERRORS.internal.title}.` });
  expect(JSON.stringify(problem)).not.toMatch(/123|inner/);
});

test.each([
  ["FST_ERR_BAD_URL", "not_found"],
  ["FST_ERR_CTP_BODY_TOO_LARGE", "body_too_large"],
  ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", "invalid_input"],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", "unsupported_content_type"],
  ["FST_ERR_MAX_PARAM_LENGTH", "invalid_input"],
  ["ECONNREFUSED", "unavailable"],
  ["57P01", "unavailable"],
])("%s is %s", (code, expected) => {
  expect(codeOf(withCode(code))).toBe(expected);
});

test.each([
  ["BAD_REQUEST", new SyntaxError("inner"), "malformed_json"],
  ["BAD_REQUEST", zodError("inner"), "invalid_input"],
  ["BAD_REQUEST", undefined, "invalid_input"],
  ["METHOD_NOT_SUPPORTED", undefined, "method_not_allowed"],
  ["NOT_FOUND", undefined, "not_found"],
  ["PAYLOAD_TOO_LARGE", undefined, "body_too_large"],
  ["UNSUPPORTED_MEDIA_TYPE", undefined, "unsupported_content_type"],
  ["INTERNAL_SERVER_ERROR", new AppError("job_not_found"), "job_not_found"],
  ["INTERNAL_SERVER_ERROR", withCode("08006"), "unavailable"],
  [
    "INTERNAL_SERVER_ERROR",
    new AppError("url_unreachable", { cause: withCode("ENOTFOUND") }),
    "url_unreachable",
  ],
] as const)("tRPC's %s around %s is %s", (code, cause, expected) => {
  expect(codeOf(new TRPCError({ code, cause }))).toBe(expected);
});

test("a rejected input lists each mistake by its path", () => {
  const schema = z.strictObject({ name: z.string(), tags: z.array(z.strictObject({ id: z.int() })) });
  const { error } = schema.safeParse({ name: 1, tags: [{ id: 1, extra: true }], x: 1, y: 2 });
  const problem = toProblem(error, "req_1");
  expect(problem.code).toBe("invalid_input");
  expect(problem.issues?.map(({ path }) => path)).toEqual(["name", "tags.0.extra", "x", "y"]);
  expect(problem.detail).toContain("x: There is no such field; y: There is no such field.");
});

test("a field that is missing is called so", () => {
  const { error } = z.object({ audio: z.string(), fit: z.enum(["crop"]) }).safeParse({ fit: 1 });
  expect(toProblem(error, "req_1").detail).toMatch(
    /^audio: This field is missing; fit: Invalid input: expected/,
  );
});

test("where only fields are unknown, the code says so", () => {
  expect(codeOf(z.strictObject({}).safeParse({ x: 1 }).error)).toBe("unknown_field");
});

function zodError(message: string): z.ZodError {
  return new z.ZodError([{ code: "custom", path: [], message, input: undefined }]);
}

test("of very many mistakes the first twenty are named", () => {
  const input = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`field${n}`, n]));
  const problem = toProblem(z.strictObject({}).safeParse(input).error, "req_1");
  expect(problem.issues).toHaveLength(20);
  expect(problem.detail).toMatch(/; and 4980 more\.$/);
});
