/** Each route of the API that a client uses, as the API's documentation writes it; objects are behind signed links. */
const NAMES = [
  "POST /v1/uploads",
  "PUT /objects/uploads/{id}",
  "POST /v1/jobs",
  "GET /v1/jobs",
  "GET /v1/jobs/{id}",
  "DELETE /v1/jobs/{id}",
  "POST /v1/jobs/{id}/cancel",
  "GET /v1/jobs/{id}/result",
  "GET /objects/videos/{id}",
  "POST /v1/estimate",
  "GET /v1/usage",
  "GET /v1/limits",
  "GET /v1/keys/current",
] as const;

/**
 * A route of the API.
 *
 * @example
 * const polls = fake.requests.filter(({ route }) => route === ("GET /v1/jobs/{id}" satisfies RouteName));
 */
export type RouteName = (typeof NAMES)[number];

const PATTERNS = NAMES.map((name) => {
  const [method, path = ""] = name.split(" ");
  return { name, method, pattern: new RegExp(`${path.replace("{id}", "([^/]+)")}$`) };
});

/** Looks at the end of the path alone, since the API may be behind a proxy. */
export function findRoute(
  method: string,
  path: string,
): { name: RouteName; id: string; at: number } | undefined {
  for (const route of PATTERNS) {
    const found = route.method === method ? route.pattern.exec(path) : null;
    if (found) return { name: route.name, id: decodeURIComponent(found[1] ?? ""), at: found.index };
  }
  return undefined;
}
