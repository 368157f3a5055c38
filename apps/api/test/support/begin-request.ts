import { type IncomingMessage, request } from "node:http";
import { onTestFinished } from "vitest";

/** Begins a request with a body that does not end. When this resolves, the server waits for it or has refused it. */
export async function beginRequest(
  { url, apiKey }: { url: string; apiKey: string },
  method: string,
  path: string,
  headers: Record<string, string>,
) {
  const sent = request(new URL(path, url), {
    method,
    headers: { authorization: `Bearer ${apiKey}`, expect: "100-continue", ...headers },
  }).on("error", () => {});
  onTestFinished(() => void sent.destroy());
  const status = new Promise<number | undefined>((resolve) =>
    sent.once("response", (answer: IncomingMessage) => resolve(answer.resume().statusCode)),
  );
  const goesOn = new Promise((resolve) => sent.once("continue", resolve));
  sent.flushHeaders();
  await Promise.race([goesOn, status]);
  return { sent, status };
}
