import { createHmac, timingSafeEqual } from "node:crypto";

/** Nobody else can make one, and one run's says nothing of another's. */
export function webhookToken(apiKey: string, runId: string): string {
  const secret = createHmac("sha256", apiKey).update("avatar webhooks").digest();
  return createHmac("sha256", secret).update(runId).digest("hex");
}

export function isWebhookToken(apiKey: string, runId: string, token: string): boolean {
  const [given, expected] = [Buffer.from(token), Buffer.from(webhookToken(apiKey, runId))];
  return given.length === expected.length && timingSafeEqual(given, expected);
}
