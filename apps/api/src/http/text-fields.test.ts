import { expect, test } from "vitest";
import { z } from "zod";
import { textConverters } from "./text-fields.ts";

const convert = textConverters({
  number: z.number().optional().default(1),
  int: z.int().min(3).optional(),
  record: z.record(z.string(), z.string()).default({}),
  refined: z.record(z.string(), z.string()).refine(() => true),
  text: z.string().optional(),
  choice: z.enum(["1", "2"]).default("1"),
});

test.each([
  ["number", "3", 3],
  ["number", "-0.5", -0.5],
  ["number", "007", 7],
  ["number", "2.8984214299529814e-08", 2.8984214299529814e-8],
  ["int", "3", 3],
  ["record", '{"a":"1"}', { a: "1" }],
  ["record", "[1]", [1]],
  ["refined", "{}", {}],
  ["text", "3", "3"],
  ["choice", "1", "1"],
])("%s: %j becomes %j", (name, text, value) => {
  expect(convert[name]?.(text)).toEqual(value);
});

test.each([
  ["number", ""],
  ["number", " 3"],
  ["number", "3 "],
  ["number", "1e"],
  ["number", "1e9999"],
  ["number", "0x10"],
  ["number", "+3"],
  ["number", ".5"],
  ["number", "Infinity"],
  ["number", "12345678901234567"],
  ["record", "{"],
  ["record", ""],
])("%s: %j stays text, for the schema to refuse", (name, text) => {
  expect(convert[name]?.(text)).toBe(text);
});

test("the schemas are not changed", () => {
  const schema = z.object({ number: z.number() });
  textConverters(schema.shape).number?.("3");
  expect(schema.safeParse({ number: "3" }).success).toBe(false);
});
