import { STATUS_CODES } from "node:http";
import { type ErrorCode, errorDocsPath } from "@avatar/contract/errors";
import type { Limits } from "@avatar/contract/types";
import { codeSamples } from "./code-samples.ts";
import { fieldsHtml, type Schema, type Schemas } from "./fields.ts";
import { escapeHtml, htmlPage, proseToHtml } from "./html-page.ts";
import { limitsHtml } from "./limits-table.ts";
import { quickstart } from "./quickstart.ts";

/** As much of the OpenAPI document as the page shows. */
export interface OpenApi {
  info: { description: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Schemas };
}

interface Operation {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  security?: object[];
  parameters?: Parameter[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, Response>;
}

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  description?: string;
  schema: Schema;
}

interface Response {
  description: string;
  content?: Record<string, { schema: Schema }>;
}

interface Call extends Operation {
  method: string;
  path: string;
}

const LANGUAGES = { curl: "curl", typescript: "TypeScript", python: "Python" } as const;

/** Everything the API can do: read it, see it in three languages, and try it with a key. */
export function referencePage(document: OpenApi, limits: Limits, baseUrl: string): string {
  const calls: Call[] = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
  );
  const { schemas } = document.components;
  const groups = document.tags.map((tag) => ({
    ...tag,
    calls: calls.filter(({ tags }) => tags[0] === tag.name),
  }));
  return htmlPage(
    "avatar API",
    `<a class="skip" href="#content">Skip to the content</a>
<aside><nav aria-label="Operations">
<p><a href="#start">Start</a><a href="#at-a-glance">Limits</a><a href="#key">Your key</a><a href="/docs/errors">Errors</a></p>
${groups.map(navigation).join("\n")}
</nav></aside>
<main id="content">
<h1>avatar API</h1>
<p>${proseToHtml(document.info.description)}</p>
<p>For programs: <a href="/openapi.json">openapi.json</a>, <a href="/llms.txt">llms.txt</a>.</p>
${chooser()}
<section id="start"><h2>Start</h2>
<p>Put your key into the environment as <code>AVATAR_API_KEY</code>. This makes a video of two files and saves it.</p>
${samplesHtml(quickstart(baseUrl))}
</section>
<section id="at-a-glance"><h2>Limits</h2>
${limitsHtml(limits)}
</section>
<section id="key"><h2>Your key</h2>
<p>To try calls below. It stays in this page, and is gone when you leave it. Test keys, <code>avk_test_…</code>, are free.</p>
<p><label>API key <input id="api-key" type="password" autocomplete="off" spellcheck="false"></label></p>
</section>
${groups.map((group) => groupHtml(group, schemas, baseUrl)).join("\n")}
</main>
<script src="/docs/try-it.js" defer></script>`,
    "reference",
  );
}

const navigation = ({ name, calls }: { name: string; calls: Call[] }) =>
  `<p><strong>${name}</strong>${calls
    .map(({ operationId, summary }) => `<a href="#${operationId}">${escapeHtml(summary)}</a>`)
    .join("")}</p>`;

/** Radio buttons: what is chosen shows by style alone, and the keyboard can use them. */
const chooser =
  () => `<div class="languages" role="radiogroup" aria-label="Language of the examples"><span>Examples in</span>
${Object.entries(LANGUAGES)
  .map(
    ([id, name], i) =>
      `<label><input type="radio" name="language" id="in-${id}"${i === 0 ? " checked" : ""}> ${name}</label>`,
  )
  .join("\n")}
</div>`;

const samplesHtml = (samples: Record<keyof typeof LANGUAGES, string>) =>
  Object.entries(LANGUAGES)
    .map(
      ([id, name]) =>
        `<pre class="sample ${id}" tabindex="0" aria-label="${name}"><code>${escapeHtml(samples[id as keyof typeof LANGUAGES])}</code></pre>`,
    )
    .join("\n");

const groupHtml = (
  { name, description, calls }: { name: string; description: string; calls: Call[] },
  schemas: Schemas,
  baseUrl: string,
) => `<section><h2 id="group-${name}">${name}</h2>
<p>${proseToHtml(description)}</p>
${calls.map((call) => operationHtml(call, schemas, baseUrl)).join("\n")}
</section>`;

function operationHtml(call: Call, schemas: Schemas, baseUrl: string): string {
  const { operationId, method, path, summary, description = "", parameters = [], requestBody } = call;
  const body = requestBody?.content["application/json"]?.schema;
  const needsKey = (call.security ?? []).length > 0;
  const answer = Object.entries(call.responses).find(([status]) => status.startsWith("2"));
  const answerSchema = answer?.[1].content?.["application/json"]?.schema;
  return `<article id="${operationId}" aria-labelledby="${operationId}-title">
<h3 id="${operationId}-title">${escapeHtml(summary)}</h3>
<p class="route"><code>${method} ${escapeHtml(path)}</code></p>
<p>${proseToHtml(description)}</p>
${samplesHtml(codeSamples({ operationId, method, path, needsKey }, baseUrl))}
${parameters.length > 0 ? `<h4>Parameters</h4>\n${fieldsHtml(asObject(parameters), schemas)}` : ""}
${body ? `<h4>Body</h4>\n${fieldsHtml(body, schemas)}` : ""}
<h4>Answer: ${answer?.[0]} ${STATUS_CODES[answer?.[0] ?? ""]}</h4>
${answerSchema ? fieldsHtml(answerSchema, schemas) : `<p>${proseToHtml(answer?.[1].description ?? "")}</p>`}
<h4>Errors</h4>
<p class="errors">${errorLinks(call.responses)}</p>
${tryItHtml(call, body)}
</article>`;
}

const asObject = (parameters: Parameter[]): Schema => ({
  properties: Object.fromEntries(
    parameters.map(({ name, description, schema }) => [
      name,
      { ...schema, ...(description && { description }) },
    ]),
  ),
  required: parameters.filter(({ required }) => required).map(({ name }) => name),
});

/** The descriptions of the document begin each line with a code. */
const errorLinks = (responses: Call["responses"]) =>
  Object.entries(responses)
    .filter(([status]) => !status.startsWith("2"))
    .flatMap(([status, { description }]) =>
      [...description.matchAll(/^`(\w+)`/gm)].map(
        ([, code = ""]) => `<a href="${errorDocsPath(code as ErrorCode)}"><code>${status} ${code}</code></a>`,
      ),
    )
    .join(" ");

function tryItHtml({ operationId, method, path, parameters = [] }: Call, body: Schema | undefined): string {
  const inputs = parameters.map(
    ({ name, in: where, required }) =>
      `<label>${escapeHtml(name)} <input name="${escapeHtml(name)}" data-in="${where}"${required ? " required" : ""} autocomplete="off" spellcheck="false"></label>`,
  );
  const { required = [], properties = {} } = body ?? {};
  const start = Object.fromEntries(
    required.map((name) => [name, properties[name]?.type === "integer" ? 0 : ""]),
  );
  const text = body
    ? `<label>Body, as JSON <textarea name="body" rows="4" spellcheck="false">${escapeHtml(JSON.stringify(start, null, 2))}</textarea></label>`
    : "";
  const files =
    operationId === "generate"
      ? `<p>Or as files: <label>image <input type="file" name="image" data-in="form" accept="image/*"></label> <label>audio <input type="file" name="audio" data-in="form" accept="audio/*"></label></p>`
      : "";
  return `<details class="try"><summary>Try it</summary>
<form data-method="${method}" data-path="${escapeHtml(path)}">
${[...inputs, text, files].filter(Boolean).join("\n")}
<button>Send</button> <button type="button" class="stop" hidden>Stop</button>
<p class="outcome" role="status"></p>
<pre class="answer" tabindex="0" aria-label="Answer" hidden></pre>
</form></details>`;
}
