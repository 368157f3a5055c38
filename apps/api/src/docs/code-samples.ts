import { EXAMPLES } from "./examples.ts";

/** Of one operation: a whole program in each language. */
export interface CodeSamples {
  curl: string;
  typescript: string;
  python: string;
}

interface Call {
  operationId: string;
  method: string;
  path: string;
  needsKey: boolean;
}

/** What a reader replaces stands in capitals. The key is in the environment, so that it is in no file. */
export function codeSamples(call: Call, baseUrl: string): CodeSamples {
  const { path, query = "", body, typescript } = EXAMPLES[call.operationId] ?? {};
  if (!typescript) throw new Error(`${call.operationId} lacks an example`);
  const url = `${baseUrl}${path ?? call.path}${query}`;
  return { curl: curl(call, url, body), typescript: typescript(baseUrl), python: python(call, url, body) };
}

function curl({ method, needsKey, operationId }: Call, url: string, body: object | undefined): string {
  const lines = [
    // Events are shown as they come.
    `curl ${operationId === "events" ? "-N " : ""}${method === "GET" ? "" : `-X ${method} `}"${url}"`,
    ...(needsKey ? ['-H "Authorization: Bearer $AVATAR_API_KEY"'] : []),
    ...(body ? ["-H 'Content-Type: application/json'", `-d '${JSON.stringify(body, null, 2)}'`] : []),
  ];
  return lines.join(" \\\n  ");
}

function python({ method, needsKey }: Call, url: string, body: object | undefined): string {
  const headers = [
    ...(needsKey ? [`"Authorization": "Bearer " + os.environ["AVATAR_API_KEY"]`] : []),
    ...(body ? [`"Content-Type": "application/json"`] : []),
  ];
  const options = [
    ...(method === "GET" ? [] : [`method="${method}"`]),
    ...(headers.length > 0 ? [`headers={${headers.join(", ")}}`] : []),
    ...(body ? [`data=json.dumps(${JSON.stringify(body)}).encode()`] : []),
  ];
  const imports = [...(body ? ["json"] : []), ...(needsKey ? ["os"] : [])];
  return `${imports.length > 0 ? `import ${imports.join(", ")}\n` : ""}import urllib.request

request = urllib.request.Request(
${[`"${url}"`, ...options].map((line) => `    ${line},\n`).join("")})
with urllib.request.urlopen(request) as answer:
    for line in answer:
        print(line.decode())`;
}
