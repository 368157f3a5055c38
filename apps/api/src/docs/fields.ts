import { escapeHtml, proseToHtml } from "./html-page.ts";

/** As much of JSON Schema as the OpenAPI document uses. */
export interface Schema {
  $ref?: string;
  type?: string;
  description?: string;
  default?: unknown;
  const?: unknown;
  enum?: unknown[];
  format?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  additionalProperties?: boolean | Schema;
  oneOf?: Schema[];
  anyOf?: Schema[];
}

export type Schemas = Record<string, Schema>;

/** The fields of an object as HTML; those of objects within fold out. A choice shows each of its objects. */
export function fieldsHtml(schema: Schema, schemas: Schemas): string {
  const found = resolve(schema, schemas);
  const choices = found.oneOf ?? found.anyOf;
  if (choices)
    return choices.map((choice) => folded(nameOf(choice, schemas), fieldsHtml(choice, schemas))).join("\n");
  if (found.type === "array" && found.items) return fieldsHtml(found.items, schemas);
  const { properties = {}, required = [] } = found;
  const rows = Object.entries(properties).map(
    ([name, field]) =>
      `<dt><code>${escapeHtml(name)}</code>${required.includes(name) ? "" : " <small>optional</small>"}</dt>
<dd>${fieldHtml(resolve(field, schemas), schemas)}</dd>`,
  );
  return rows.length > 0 ? `<dl class="fields">\n${rows.join("\n")}\n</dl>` : "";
}

function fieldHtml(field: Schema, schemas: Schemas): string {
  const { description = "" } = field;
  const inner = field.type === "array" ? field.items : field;
  const hasFields = inner && (inner.$ref || inner.properties || inner.oneOf || inner.anyOf);
  return `<small>${escapeHtml(typeOf(field, schemas))}</small> ${proseToHtml(description)}${
    hasFields ? folded("Its fields", fieldsHtml(inner, schemas)) : ""
  }`;
}

const folded = (title: string, html: string) =>
  `<details><summary>${escapeHtml(title)}</summary>\n${html}\n</details>`;

function nameOf(choice: Schema, schemas: Schemas): string {
  const { status } = resolve(choice, schemas).properties ?? {};
  if (status?.const !== undefined) return `status: ${status.const}`;
  return choice.$ref?.replace(/^.*\//, "").replace(/([a-z])([A-Z])/g, "$1 $2") ?? "or";
}

/** At most so many values of an enumeration are shown; all error codes have a page of their own. */
const MOST_VALUES = 12;

function typeOf(schema: Schema, schemas: Schemas): string {
  const { type = "", format, const: value, enum: values, minimum, maximum, maxLength } = schema;
  const facts: string[] = [];
  if (value !== undefined) return JSON.stringify(value);
  if (values && values.length <= MOST_VALUES) facts.push(values.join(" | "));
  else if (type === "array" && schema.items)
    facts.push(`array of ${typeOf(resolve(schema.items, schemas), schemas)}`);
  else facts.push(format ? `${type}, ${format}` : type || "object");
  if (minimum !== undefined && maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER)
    facts.push(`${minimum} to ${maximum}`);
  if (maxLength !== undefined) facts.push(`at most ${maxLength} characters`);
  const isWorthTelling = schema.default !== undefined && JSON.stringify(schema.default) !== "{}";
  if (isWorthTelling) facts.push(`default ${JSON.stringify(schema.default)}`);
  return facts.filter(Boolean).join("; ");
}

export function resolve(schema: Schema, schemas: Schemas): Schema {
  const name = schema.$ref?.replace("#/components/schemas/", "");
  if (name === undefined) return schema;
  const found = schemas[name];
  if (!found) throw new Error(`the document lacks ${schema.$ref}`);
  return resolve(found, schemas);
}
