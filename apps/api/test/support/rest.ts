import { expectNoLeak } from "./expect-no-leak.ts";

export interface RestAnswer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every shape
  body: any;
}

/** A request through the REST door; a plain object becomes JSON. Throws where an error gives anything away. */
export type Rest = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
) => Promise<RestAnswer>;

type Body = NonNullable<RequestInit["body"]>;

export function createRest(url: string, apiKey: string): Rest {
  return async (method, path, body, headers = {}) => {
    const isJson =
      typeof body === "object" && body !== null && !(body instanceof FormData || body instanceof Uint8Array);
    const response = await fetch(new URL(path, url), {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(isJson && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as Body) }),
    });
    const text = await response.text();
    const isJsonAnswer = response.headers.get("content-type")?.includes("json");
    const { status, headers: answered } = response;
    const answer = { status, headers: answered, body: isJsonAnswer ? JSON.parse(text) : text };
    if (status >= 400) expectNoLeak(answer, [apiKey]);
    return answer;
  };
}

/** Uploads the bytes and returns the id. */
export async function uploadFile(rest: Rest, contentType: string, bytes: Uint8Array): Promise<string> {
  const { body } = await rest("POST", "/v1/uploads", { contentType, bytes: bytes.length });
  const put = await fetch(body.url, { method: "PUT", headers: body.headers, body: bytes as Body });
  // 412: it is there already, by a try that was not answered.
  if (!put.ok && put.status !== 412)
    throw new Error(`the upload was refused: ${put.status} ${await put.text()}`);
  return body.id;
}
