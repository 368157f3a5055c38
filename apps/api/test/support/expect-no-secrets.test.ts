import { withChecksum } from "@avatar/contract/api-keys";
import { expect, test } from "vitest";
import { expectNoSecrets } from "./expect-no-secrets.ts";

const KEY = withChecksum(`avk_test_${"x".repeat(34)}`);

test.each([
  `{"msg":"who is ${KEY}"}`,
  '{"err":"Bearer rpa_ABC may not do this"}',
  '{"url":"https://bucket.example/videos/1.mp4?X-Amz-Signature=0123456789abcdef"}',
  "GET /files/videos/1.mp4?expires=1&signature=0123456789abcdef",
  "cannot open postgres://avatar:hunter2@db.example/avatar",
  'avatar_http_requests_total{token="in-a-label"} 1',
])("it finds the secret in %s", (text) => {
  expect(() => expectNoSecrets(`fine\n${text}\nfine`, ["in-a-label"])).toThrow("S7: ");
});

test("it lets pass what is no secret, and the key that the first start prints", () => {
  expectNoSecrets(`{"key":"key_0123456789abcdef","lastFour":"aBcD","url":"https://db.example:5432/?wait=30&after=2"}
Your API key, shown this once: ${KEY}
avatar is listening on http://127.0.0.1:8787`);
});
