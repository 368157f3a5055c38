import type { ErrorEntry } from "@avatar/contract/types";
import { errorGroups } from "../error-catalogue/catalogue.ts";

const INTRO = `# Errors

Every error is a problem (RFC 9457, \`application/problem+json\`) with a \`code\` that never changes. Branch on the code, show
\`detail\` to people, and quote \`requestId\` when you report one. Where "again" says yes, the same request may succeed
later; wait for the time in \`Retry-After\` if there is one. Through tRPC the same object is in \`error.data\`. The API serves
this catalogue itself: a page for each code under \`/docs/errors\`, and all of it as JSON at \`GET /v1/errors\`.

This page is made from \`packages/contract/src/errors.ts\` and \`error-causes.ts\` by
\`pnpm --filter @avatar/api docs:errors\`.
`;

const HEAD = "| code | HTTP | again | what and when | what to do |\n|---|---|---|---|---|";

/** `docs/errors.md`: the error catalogue as tables. */
export const errorsPage = (): string =>
  [
    INTRO,
    ...errorGroups().map(({ title, entries }) => `## ${title}\n\n${HEAD}\n${entries.map(row).join("\n")}\n`),
  ].join("\n");

const row = ({ code, status, retryable, title, cause, hint }: ErrorEntry) =>
  `| \`${code}\` | ${status} | ${retryable ? "yes" : "no"} | **${title}.** ${cause} | ${hint} |`;
