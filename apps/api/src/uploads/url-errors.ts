import { AppError } from "../errors.ts";

/*
 * Of a URL these name the host alone: its path and query may hold secrets. A host that is not public always gets
 * the same words, so that nobody learns from us what there is inside a network.
 */

export const notAllowed = (detail: string) => new AppError("url_not_allowed", { detail });

export const notPublic = (host: string) => notAllowed(`The host ${host} has an address that is not public.`);

export const tooManyRedirects = (redirects: number) =>
  new AppError("url_too_many_redirects", { detail: `There were more than ${redirects} redirects.` });

export const tooSlow = (detail: string) => new AppError("url_too_slow", { detail });

export function unreachable(detail: string, cause?: unknown): AppError {
  const code = cause instanceof Error && "code" in cause ? ` (${cause.code})` : "";
  return new AppError("url_unreachable", { detail: `${detail}${code}.`, cause });
}
