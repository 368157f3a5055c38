import type { z } from "zod";

type Convert = (text: string) => unknown;

/** As JSON writes them, which is what programs print: `2e-7`, but no `0x10` and no spaces. */
const NUMBER = /^-?\d{1,16}(\.\d{1,20})?(e[+-]?\d{1,3})?$/i;

/**
 * How fields that arrive as text (query, path, form) become what their schema asks for. What does not convert stays
 * text, so that the schema names the mistake. The schemas themselves are not touched: JSON is never coerced.
 */
export function textConverters(shape: Record<string, z.ZodType>): Record<string, Convert> {
  return Object.fromEntries(Object.entries(shape).map(([name, schema]) => [name, converterFor(schema)]));
}

function converterFor(schema: z.ZodType): Convert {
  switch (unwrap(schema)) {
    case "number":
      return (text) => (NUMBER.test(text) ? Number(text) : text);
    case "record":
    case "object":
      return (text) => {
        try {
          return JSON.parse(text);
        } catch {
          return text; // The schema then says that it is not an object.
        }
      };
    default:
      return (text) => text;
  }
}

/** The kind of value below `optional` and `default`. */
function unwrap(schema: z.ZodType): string {
  const { def } = schema as unknown as { def: { type: string; innerType?: z.ZodType } };
  return def.innerType && (def.type === "optional" || def.type === "default")
    ? unwrap(def.innerType)
    : def.type;
}
