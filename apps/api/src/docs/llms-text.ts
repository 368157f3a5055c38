import type { Limits } from "@avatar/contract/types";
import { errorCatalogue } from "../error-catalogue/catalogue.ts";
import { limitRows } from "./limits-table.ts";
import { quickstart } from "./quickstart.ts";
import type { OpenApi } from "./reference-page.ts";

/** The whole API on one page of Markdown, for language models: https://llmstxt.org */
export function llmsText({ info, paths }: OpenApi, limits: Limits, baseUrl: string): string {
  const { curl, typescript, python } = quickstart(baseUrl);
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(
      ([method, { summary, description }]) =>
        `- \`${method.toUpperCase()} ${path}\`: ${summary}.${description ? ` ${description}` : ""}`,
    ),
  );
  const errors = errorCatalogue().items.map(
    ({ code, status, title, hint }) => `- \`${code}\` (${status}): ${title}. ${hint}`,
  );
  return `# avatar API

> ${info.description}

- [OpenAPI 3.1 document](${baseUrl}/openapi.json): every operation, field and answer
- [Reference](${baseUrl}/docs): the same for people
- [Errors](${baseUrl}/docs/errors): a page for each code

Base URL: ${baseUrl}. Every request but those for health carries \`Authorization: Bearer <API key>\`. Unknown fields are refused.
A job goes from \`queued\` over \`starting\` and \`running\` to \`succeeded\`, \`failed\` or \`canceled\`, and is \`expired\` once its video
is deleted. Wait with \`GET /v1/jobs/{id}?wait=30&after=<version>\`, not by polling. Send an \`Idempotency-Key\` with
\`POST /v1/jobs\`, so that a repeated request makes no second job. The link to a video is new on every call of
\`GET /v1/jobs/{id}/result\` and needs no key.

## From two files to a video

With \`@avatar/client\` (TypeScript; Node 20 or newer, browsers, Bun, Deno, workers):

\`\`\`ts
${typescript}
\`\`\`

With Python and nothing else:

\`\`\`python
${python}
\`\`\`

With curl:

\`\`\`sh
${curl}
\`\`\`

## Operations

${operations.join("\n")}

## Limits

${limitRows(limits)
  .map(([what, limit]) => `- ${what}: ${limit}`)
  .join("\n")}

## Errors

Each is \`application/problem+json\` with \`code\`, \`detail\`, \`hint\`, \`docs\` and \`requestId\`. Branch on \`code\`.

${errors.join("\n")}
`;
}
