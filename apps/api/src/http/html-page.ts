import { createHash } from "node:crypto";

/** Needs nothing from anywhere: no script, no font, no picture. */
const STYLE = `
:root { color-scheme: light dark; --ink: #1b1c20; --soft: #5c606a; --line: #e2e3e8; --paper: #fff; --tint: #f5f5f8; --link: #4046c4 }
@media (prefers-color-scheme: dark) { :root { --ink: #ecedf1; --soft: #a3a7b2; --line: #32343d; --paper: #131418; --tint: #1d1e25; --link: #a5aaff } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 46rem; padding: 2.5rem 1.25rem 4rem; background: var(--paper); color: var(--ink); font: 1rem/1.6 system-ui, sans-serif }
a { color: var(--link); text-decoration: none }
a:hover { text-decoration: underline }
nav { display: flex; justify-content: space-between; gap: 1rem; font-size: .9rem }
h1 { margin: .25rem 0 1.5rem; font-size: 1.75rem; line-height: 1.25; letter-spacing: -.01em; text-wrap: balance }
h2 { margin: 2rem 0 .5rem; font-size: 1.05rem }
p { margin: 0 0 .75rem; overflow-wrap: break-word }
code, pre { font: .9em/1.5 ui-monospace, Menlo, Consolas, monospace }
p code, li code { padding: .1em .3em; border-radius: .3em; background: var(--tint); box-decoration-break: clone }
pre { margin: 0; padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; border: 1px solid var(--line); border-radius: .5rem; background: var(--tint) }
.group { margin: 2.5rem 0 0; color: var(--soft); font-size: .9rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .35rem 1.25rem; margin: 0; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem }
dt { color: var(--soft) }
dd { margin: 0 }
ul { margin: 0; padding: 0; list-style: none; border: 1px solid var(--line); border-radius: .5rem }
li { display: grid; grid-template-columns: 3rem 1fr; gap: 0 .5rem; padding: .6rem 1rem; border-bottom: 1px solid var(--line) }
li:last-child { border-bottom: 0 }
li > span { color: var(--soft); font-variant-numeric: tabular-nums }
li a code { padding: 0; background: none }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line) }
`;

const hash = createHash("sha256").update(STYLE).digest("base64");

/** The page may show itself, and nothing else. */
export const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
};

/** @param body HTML */
export const htmlPage = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** Text of the contract: what stands in backticks is code. */
export const proseToHtml = (text: string): string =>
  escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
