import { isIP } from "node:net";
import { notAllowed } from "./url-errors.ts";

/** The longest name that DNS has. */
const MAX_HOST_LENGTH = 253;

/** @throws AppError `url_not_allowed`. Says nothing about where the host's addresses are. */
export function allowedUrl(text: string, base?: URL): URL {
  // Not `new URL`: its error would carry the text into the log.
  const url = URL.parse(text, base?.href);
  if (!url) throw notAllowed("This is not a URL.");
  if (url.protocol !== "https:") throw notAllowed("Only https URLs are fetched.");
  if (url.port !== "") throw notAllowed("Only port 443 is fetched from.");
  if (url.username || url.password) throw notAllowed("The URL must not hold a user name or a password.");
  if (hostOf(url).length > MAX_HOST_LENGTH) throw notAllowed("The URL's host name is too long.");
  return url;
}

/**
 * The name to resolve and to find in the certificate, or the bare address. `URL` has turned decimal, octal,
 * hexadecimal, short and full-width notations into plain addresses already.
 */
export function hostOf(url: URL): string {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(host) ? host : host.replace(/\.$/, "");
}
