/** One request as text, without its `Host`, of about so many bytes. */
export interface HostileRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

export interface HostileCase {
  what: string;
  /** How large it may get before it is refused for its size alone. */
  maxBytes: number;
  make(bytes: number): HostileRequest;
}

const HEADER_BYTES = 14 * 1024;
const JSON_BYTES = 63 * 1024;
const FORM_BYTES = 16 * 1024 * 1024;

const fill = (bytes: number, text: string) => text.repeat(Math.max(1, Math.floor(bytes / text.length)));

const json = (what: string, path: string, make: (bytes: number) => string): HostileCase => ({
  what: `JSON to ${path}: ${what}`,
  maxBytes: JSON_BYTES,
  make: (bytes) => ({
    method: "POST",
    path,
    headers: { "content-type": "application/json" },
    body: make(bytes),
  }),
});

const BODIES: [string, (bytes: number) => string][] = [
  ["arrays in arrays", (n) => fill(n, "[")],
  ["closed arrays", (n) => fill(n / 2, "[") + fill(n / 2, "]")],
  ["closed arrays in a field", (n) => `{"a":${fill(n / 2, "[")}${fill(n / 2, "]")}}`],
  ["objects in objects", (n) => fill(n, '{"a":')],
  [
    "closed objects in metadata",
    (n) => `{"metadata":${fill(n / 2, '{"a":')}1${"}".repeat(Math.floor(n / 12))}}`,
  ],
  ["fields that do not exist", (n) => `{${numbered(n, (i) => `"k${i}":1`)}}`],
  ["fields that are numbers", (n) => `{${numbered(n, (i) => `"${i * 7919}":1`)}}`],
  ["the same field again", (n) => `{${numbered(n, () => '"prompt":"a"')}}`],
  ["labels", (n) => `{"metadata":{${numbered(n, (i) => `"${i}":"a"`)}}}`],
  ["long text", (n) => `{"prompt":"${fill(n, "a")}"}`],
  ["escapes", (n) => `{"prompt":"${fill(n, "\\ud800")}"}`],
  ["a long number", (n) => `{"seed":${fill(n, "9")}}`],
  ["a long fraction", (n) => `{"seed":0.${fill(n, "1")}e-${fill(10, "9")}}`],
  ["a URL of dots", (n) => `{"image":"https://${fill(n, "a.")}","audio":"https://${fill(n, ".")}"}`],
  ["a hash", (n) => `{"contentType":"image/png","bytes":1,"sha256":"${fill(n, "a")}"}`],
  ["text without an end", (n) => `{"prompt":"${fill(n, "\\\\")}`],
  ["blanks", (n) => fill(n, " \n")],
];

const header = (
  what: string,
  name: string,
  make: (bytes: number) => string,
  path = "/v1/jobs",
): HostileCase => ({
  what: `the header ${name}: ${what}`,
  maxBytes: HEADER_BYTES,
  make: (bytes) => ({ method: "POST", path, headers: { [name]: make(bytes) }, body: "{}" }),
});

const HEADERS: [string, string, (bytes: number) => string][] = [
  ["blanks", "authorization", (n) => `Bearer${fill(n, " ")}`],
  ["one word", "authorization", (n) => `Bearer ${fill(n, "x")} y`],
  ["blanks at its end", "authorization", (n) => `Bearer x${fill(n, " ")}y`],
  ["words", "authorization", (n) => `Bearer ${fill(n, "x ")}`],
  ["a key", "authorization", (n) => `Bearer avk_live_${fill(n, "0")}`],
  ["parameters", "content-type", (n) => `application/json${fill(n, "; a=b")}`],
  ["quotes", "content-type", (n) => `application/json; a="${fill(n, '\\"')}`],
  ["semicolons", "content-type", (n) => `application/json${fill(n, ";")}`],
  ["blanks", "content-type", (n) => `application/json${fill(n, " ")};x`],
  ["a long boundary", "content-type", (n) => `multipart/form-data; boundary=${fill(n, "a")}`],
  ["quotes in a boundary", "content-type", (n) => `multipart/form-data; boundary="${fill(n, '\\"')}`],
  ["encoded parameters", "content-type", (n) => `multipart/form-data; a*=utf-8''${fill(n, "%41")}`],
  ["one word", "idempotency-key", (n) => fill(n, "x")],
  ["addresses", "x-forwarded-for", (n) => fill(n, "192.0.2.1, ")],
  ["commas", "x-forwarded-for", (n) => fill(n, ",")],
  ["colons", "x-forwarded-for", (n) => fill(n, ":")],
];

const query = (what: string, path: string, make: (bytes: number) => string): HostileCase => ({
  what: `the path ${path}…: ${what}`,
  maxBytes: HEADER_BYTES,
  make: (bytes) => ({ method: "GET", path: path + make(bytes) }),
});

const PATHS: [string, string, (bytes: number) => string][] = [
  ["slashes", "/", (n) => fill(n, "/")],
  ["an id", "/v1/jobs/", (n) => fill(n, "x")],
  ["an encoded id", "/v1/jobs/", (n) => fill(n, "%41")],
  ["half an escape", "/v1/jobs/", (n) => fill(n, "%25%")],
  ["the same field", "/v1/jobs?", (n) => fill(n, "limit=1&")],
  ["fields", "/v1/jobs?", (n) => numbered(n, (i) => `k${i}=1`, "&")],
  ["empty fields", "/v1/jobs?", (n) => fill(n, "&")],
  ["pluses", "/v1/jobs?cursor=", (n) => fill(n, "+")],
  ["escapes", "/v1/jobs?cursor=", (n) => fill(n, "%2F")],
  ["digits", "/v1/jobs?cursor=", (n) => `${fill(n, "1")}_x`],
  ["underscores", "/v1/jobs?cursor=", (n) => fill(n, "_")],
  ["a long number", "/v1/jobs/a?wait=", (n) => fill(n, "1")],
  ["brackets", "/trpc/jobs.list?input=", (n) => fill(n, "[")],
  ["procedures", "/trpc/", (n) => `${fill(n, "jobs.list,")}x?batch=1&input={}`],
  ["dots", "/trpc/", (n) => fill(n, ".")],
  ["signatures", "/objects/a?", (n) => fill(n, "&signature=")],
];

const form = (what: string, boundary: string, make: (bytes: number) => string): HostileCase => ({
  what: `a form: ${what}`,
  maxBytes: FORM_BYTES,
  make: (bytes) => ({
    method: "POST",
    path: "/v1/jobs",
    headers: { "content-type": `multipart/form-data; boundary=${boundary}` },
    body: make(bytes),
  }),
});

const file = (boundary: string, more = "") =>
  `--${boundary}\r\nContent-Disposition: form-data; name="image"; filename="a"${more}\r\nContent-Type: image/png\r\n\r\n`;
const PERIODIC = `${"a".repeat(69)}b`;
const DASHES = "-".repeat(70);

const FORMS: HostileCase[] = [
  form("the boundary's letters, but never all", PERIODIC, (n) => file(PERIODIC) + fill(n, "a")),
  form(
    "all of the boundary but its last letter",
    PERIODIC,
    (n) => file(PERIODIC) + fill(n, `\r\n--${PERIODIC.slice(0, -1)}`),
  ),
  form(
    "all of the boundary but its first letter",
    PERIODIC,
    (n) => file(PERIODIC) + fill(n, PERIODIC.slice(1)),
  ),
  form("dashes", DASHES, (n) => file(DASHES) + fill(n, "-")),
  form("line ends", DASHES, (n) => file(DASHES) + fill(n, "\r\n")),
  form("line ends and dashes", DASHES, (n) => file(DASHES) + fill(n, `\r\n--${DASHES.slice(1)}`)),
  form("what comes before the first part", "b", (n) => fill(n, "\r\n-- b")),
  form("parts without headers", "b", (n) => fill(n, "--b\r\n\r\n\r\n")),
  form("boundaries alone", "b", (n) => fill(n, "--b\r\n")),
  form("headers of a part", "b", (n) => `--b\r\n${fill(n, "A: b\r\n")}`),
  form("one header of a part", "b", (n) => `--b\r\nContent-Disposition: ${fill(n, "form-data; ")}`),
  form("a file name of quotes", "b", (n) => file("b", `; filename="${fill(Math.min(n, 60_000), '\\"')}`)),
  form("an encoded file name", "b", (n) =>
    file("b", `; filename*=utf-8''${fill(Math.min(n, 60_000), "%41")}`),
  ),
  form(
    "metadata",
    "b",
    (n) =>
      `--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n${fill(Math.min(n, 30_000), '{"a":')}\r\n--b--\r\n`,
  ),
];

function numbered(bytes: number, make: (index: number) => string, between = ","): string {
  const parts: string[] = [];
  for (let index = 0, length = 0; length < bytes; index++) {
    const part = make(index);
    parts.push(part);
    length += part.length + between.length;
  }
  return parts.join(between);
}

/** What is large, deep or ambiguous for each parser that a request meets. */
export const HOSTILE_REQUESTS: readonly HostileCase[] = [
  ...["/v1/jobs", "/v1/uploads", "/trpc/jobs.create"].flatMap((path) =>
    BODIES.map(([what, make]) => json(what, path, make)),
  ),
  ...HEADERS.map(([what, name, make]) => header(what, name, make)),
  ...PATHS.map(([what, path, make]) => query(what, path, make)),
  ...FORMS,
];
