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
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px }
`;

/** Of the reference: what can be called on the left, what is chosen of the examples' languages alone. */
const REFERENCE_STYLE = `
.reference { display: grid; grid-template-columns: 15rem minmax(0, 48rem); gap: 3rem; max-width: 68rem }
.skip { position: absolute; left: -100rem }
.skip:focus { left: 1rem; top: 1rem }
aside nav { display: block; position: sticky; top: 1rem; max-height: calc(100vh - 2rem); overflow: auto; padding: .25rem }
aside a { display: block; padding: .1rem 0 }
h2 { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.35rem }
h2::first-letter { text-transform: uppercase }
h3 { margin: 2.5rem 0 .25rem; font-size: 1.1rem }
h4 { margin: 1rem 0 .35rem; font-size: .95rem }
small { color: var(--soft); font-size: .85em }
pre { white-space: pre; overflow: auto }
dl + p { margin-top: .75rem }
dl.fields { gap: .35rem 1rem; padding: .6rem .8rem }
dd { min-width: 0; overflow-wrap: anywhere }
dd details, .fields + details { margin-top: .25rem }
details { margin: .25rem 0 }
summary { cursor: pointer; color: var(--link) }
.languages { position: sticky; top: 0; z-index: 1; display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: .5rem 0; border-bottom: 1px solid var(--line); background: var(--paper) }
.languages span { color: var(--soft) }
section, article { scroll-margin-top: 3.5rem }
body:has(#in-curl:checked) .sample:not(.curl), body:has(#in-typescript:checked) .sample:not(.typescript), body:has(#in-python:checked) .sample:not(.python) { display: none }
.errors { line-height: 2 }
.errors a, dt { white-space: nowrap }
.try { margin-top: 1rem; padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .5rem }
.try label { display: block; margin: .5rem 0 }
input:not([type=radio], [type=file]), textarea { width: 100%; padding: .4rem .6rem; border: 1px solid var(--soft); border-radius: .35rem; background: var(--paper); color: var(--ink); font: .9rem/1.5 ui-monospace, Menlo, Consolas, monospace }
button { padding: .35rem 1rem; border: 1px solid var(--link); border-radius: .35rem; background: var(--paper); color: var(--link); font: inherit; cursor: pointer }
.answer { max-height: 30rem }
@media (max-width: 56rem) { .reference { display: block } aside nav { position: static; max-height: 12rem; margin-bottom: 1.5rem; border-bottom: 1px solid var(--line) } }
@media (max-width: 32rem) { .reference dl { grid-template-columns: minmax(0, 1fr) } .reference dt:not(:first-child) { margin-top: .5rem } section, article { scroll-margin-top: 6rem } }
`;

const headers = (style: string, more = "") => ({
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; ${more}base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
});

/** A page may show itself, and nothing else. */
export const PAGE_HEADERS = headers(STYLE);

/** It may call this API, too. */
export const REFERENCE_HEADERS = headers(STYLE + REFERENCE_STYLE, "script-src 'self'; connect-src 'self'; ");

/** @param body HTML */
export const htmlPage = (
  title: string,
  body: string,
  kind: "text" | "reference" = "text",
): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<style>${STYLE}${kind === "reference" ? REFERENCE_STYLE : ""}</style>
</head>
<body class="${kind}">
${body}
</body>
</html>
`;

export const escapeHtml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

/** Text of the contract: what stands in backticks is code. */
export const proseToHtml = (text: string): string =>
  escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>");
