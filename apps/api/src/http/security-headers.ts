/** Nothing that is answered is a page: it may not run, be framed, be guessed at, or be kept by anybody in between. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

const YEAR_SECONDS = 365 * 24 * 3600;

/** For every answer, also to what is no request; a route may say otherwise. */
export function securityHeaders(publicUrl: string): Record<string, string> {
  if (!publicUrl.startsWith("https:")) return HEADERS;
  // Of this host alone: what else its operator serves on the domain is not known here.
  return { ...HEADERS, "strict-transport-security": `max-age=${YEAR_SECONDS}` };
}
