import { STATUS_CODES } from "node:http";
import type { ErrorCode } from "@avatar/contract/errors";
import type { ErrorEntry, Problem } from "@avatar/contract/types";
import { errorCatalogue, errorGroups } from "../error-catalogue/catalogue.ts";
import { escapeHtml, htmlPage, proseToHtml } from "./html-page.ts";

/** The same for a browser and for everybody else. */
export interface Page {
  html: string;
  text: string;
}

const { items } = errorCatalogue();
const groups = errorGroups();

/** The page that every error with this code links to. */
export function errorPage(code: ErrorCode): Page {
  const at = items.findIndex((item) => item.code === code);
  const entry = items[at];
  if (!entry) throw new Error(`the catalogue lacks ${code}`);
  const { title, cause, hint } = entry;
  const [status, again] = [statusOf(entry), againOf(entry)];
  const group = groups.find(({ entries }) => entries.some((each) => each.code === code))?.title ?? "";
  const html = htmlPage(
    `${code}: ${title.replaceAll("`", "")}`,
    `<nav><a href="/docs/errors">All errors</a></nav>
<main>
<p class="group">${escapeHtml(group)}</p>
<h1>${proseToHtml(title)}</h1>
<dl>
<dt>Code</dt><dd><code>${code}</code></dd>
<dt>HTTP status</dt><dd>${status}</dd>
<dt>Try again?</dt><dd>${again}</dd>
</dl>
<h2>Why it happens</h2>
<p>${proseToHtml(cause)}</p>
<h2>What to do</h2>
<p>${proseToHtml(hint)}</p>
<h2>What the answer looks like</h2>
<pre>${escapeHtml(JSON.stringify(exampleOf(entry), null, 2))}</pre>
</main>
<footer><nav>${linkTo("previous", items[at - 1])}${linkTo("next", items[at + 1])}</nav></footer>`,
  );
  const text = `${code} (HTTP ${status})\n\n${title}.\n\nWhy it happens: ${cause}\n\nWhat to do: ${hint}\n\nTry again? ${again}\n`;
  return { html, text };
}

/** Every code, on one page. */
export function errorIndexPage(): Page {
  const section = ({ title, entries }: (typeof groups)[number]) => `<h2>${escapeHtml(title)}</h2>
<ul>
${entries.map(row).join("\n")}
</ul>`;
  const html = htmlPage(
    "Errors",
    `<main>
<h1>Errors</h1>
<p>Every error is a problem (RFC 9457, <code>application/problem+json</code>) with a <code>code</code> that never changes.
Branch on the code, show <code>detail</code> to people, and quote <code>requestId</code> when you report one. Through tRPC
the same object is in <code>error.data</code>. <code>GET /v1/errors</code> gives this list as JSON.</p>
${groups.map(section).join("\n")}
</main>`,
  );
  return { html, text: items.map(({ code, status, title }) => `${status} ${code}: ${title}\n`).join("") };
}

const row = ({ code, status, title, docs }: ErrorEntry) =>
  `<li><span>${status}</span><div><a href="${docs}"><code>${code}</code></a><br>${proseToHtml(title)}</div></li>`;

const linkTo = (rel: "previous" | "next", entry: ErrorEntry | undefined) => {
  if (!entry) return "<span></span>";
  const label = rel === "next" ? `${entry.code} →` : `← ${entry.code}`;
  return `<a href="${entry.docs}" rel="${rel === "next" ? "next" : "prev"}"><code>${label}</code></a>`;
};

const statusOf = ({ status }: ErrorEntry) => `${status} ${STATUS_CODES[status]}`;

const againOf = ({ retryable }: ErrorEntry) =>
  retryable ? "Yes: the same request may succeed later." : "No: the same request fails until it is changed.";

const exampleOf = ({ code, status, title, hint, docs }: ErrorEntry): Problem => ({
  type: docs,
  title,
  status,
  code,
  detail: `${title}.`,
  hint,
  docs,
  requestId: "req_…",
});
