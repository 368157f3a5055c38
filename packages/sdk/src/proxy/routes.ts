import { Refusal } from "../problem.ts";

/** What a page needs. Lists, usage and keys tell of all users at once, so they are not among them. */
const ROUTES = [
  ["POST", "/v1/uploads"],
  ["POST", "/v1/estimate"],
  ["GET", "/v1/limits"],
  ["POST", "/v1/jobs"],
  ["GET", "/v1/jobs/{id}"],
  ["GET", "/v1/jobs/{id}/result"],
  ["GET", "/v1/jobs/{id}/events"],
  ["POST", "/v1/jobs/{id}/cancel"],
] as const;

const PATTERNS = ROUTES.map(([method, path]) => ({
  method,
  path,
  pattern: new RegExp(`${path.replace("{id}", "([\\w-]{1,64})")}$`),
}));

/** Where a request goes: a path that is written above, with an id of plain letters and digits, if any. */
export interface Target {
  method: "GET" | "POST";
  path: string;
  /** Of the job in question. */
  id: string | undefined;
}

/** Looks at the end of the path alone, so it does not matter where the proxy is mounted. */
export function findTarget(method: string, pathname: string): Target {
  for (const route of PATTERNS) {
    const found = route.pattern.exec(pathname);
    if (!found) continue;
    if (method !== route.method) throw new Refusal("method_not_allowed", {}, { allow: route.method });
    const [, id] = found;
    return { method, path: route.path.replace("{id}", id ?? ""), id };
  }
  throw new Refusal("not_found");
}
