type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What one answer was like, with nothing in it that differs from run to run. */
export interface Exchange {
  request: string;
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

const HEADERS = ["content-type", "idempotency-replayed", "retry-after"];

/** A `fetch` that notes the shape of each answer. */
export function createRecorder(send: Fetch) {
  const exchanges: Exchange[] = [];
  const record: Fetch = async (url, init) => {
    const response = await send(url, init);
    const { pathname, search } = new URL(url);
    const path = pathname
      .replace(/\/objects\/(uploads|videos)\/.*/, "/objects/$1")
      .replace(/(job|upload)_\w+/, "{id}");
    const text = await response.clone().text();
    const type = response.headers.get("content-type");
    const isJson = type?.includes("json") === true;
    const body: unknown = isJson ? JSON.parse(text) : undefined;
    const named = [...response.headers].filter(([name]) => HEADERS.includes(name));
    exchanges.push({
      request: `${init.method} ${path}${pathname.startsWith("/v1") ? search : ""}`,
      status: response.status,
      headers: Object.fromEntries(named),
      body: isJson && type?.includes("problem") ? problemOf(body as Record<string, unknown>) : shapeOf(body),
    });
    return response;
  };
  return { exchanges, fetch: record };
}

/** Every field's type; of a list the shape of what is in it; words of the contract as they are. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return [...new Set(value.map((item) => JSON.stringify(shapeOf(item))))].sort();
  if (typeof value !== "object" || value === null) return typeof value;
  const fields = Object.entries(value)
    // Told within a minute, or not yet; and the last letters of a key.
    .filter(([name, field]) => name !== "lastUsedAt" && !String(field).startsWith("avk_"))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, field]) => [name, WORDS.has(name) ? field : shapeOf(field)]));
}

const WORDS = new Set([
  "status",
  "method",
  "code",
  "hint",
  "docs",
  "retryable",
  "contentType",
  "headers",
  "aspect",
  "fit",
]);

/** A problem in full, but for sentences with numbers and ids in them. */
const problemOf = ({ requestId, detail, issues, ...rest }: Record<string, unknown>) => ({
  ...rest,
  requestId: typeof requestId,
  detail: typeof detail,
  paths: (issues as { path: string }[] | undefined)?.map(({ path }) => path).sort(),
});
