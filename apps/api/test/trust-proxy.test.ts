import { expect, onTestFinished, test } from "vitest";
import { startTestApi } from "./support/test-api.ts";

test.each([
  ["without TRUST_PROXY, who opened the connection", undefined, "127.0.0.1"],
  ["behind one proxy, whom that names", 1, "203.0.113.9"],
])("the log says of a failure who the client is: %s", async (_what, trustedProxies, client) => {
  const api = await startTestApi({ config: { trustedProxies } });
  onTestFinished(() => api.stop());
  const spoofed = {
    "x-forwarded-for": "192.0.2.66, 203.0.113.9",
    "x-forwarded-host": "evil.example.com",
    "x-forwarded-proto": "https",
  };
  for (const [path, code] of [
    ["/v1/jobs/none", "job_not_found"],
    ["/trpc/nope", "not_found"],
  ] as const) {
    const { headers } = await api.rest("GET", path, undefined, spoofed);
    const lines = api.logs.map((line) => JSON.parse(line));
    expect(lines.filter(({ reqId }) => reqId === headers.get("x-request-id"))).toEqual([
      expect.objectContaining({ path, code, client }),
    ]);
  }
  const { body, headers } = await api.rest("GET", "/openapi.json", undefined, spoofed);
  expect(body.servers, "links lead where PUBLIC_BASE_URL says").toEqual([{ url: api.url }]);
  expect(headers.has("strict-transport-security")).toBe(false);
});
