interface Example {
  /** With names in capitals, which a reader replaces. */
  path?: string;
  query?: string;
  body?: object;
  typescript: (baseUrl: string) => string;
}

const client = (code: string) => (baseUrl: string) =>
  `import { Avatar } from "@avatar/client";

const avatar = new Avatar({ baseUrl: "${baseUrl}" });
${code}`;

const trpc = (code: string) => (baseUrl: string) =>
  `import { createAvatarTrpcClient } from "@avatar/client/trpc";

const api = createAvatarTrpcClient({ baseUrl: "${baseUrl}" });
${code}`;

const JOB = { image: "https://example.com/portrait.png", audio: "https://example.com/speech.mp3" };
const FILES = `{ image: "${JOB.image}", audio: "${JOB.audio}" }`;

/** How each operation is called, by its id. */
export const EXAMPLES: Record<string, Example> = {
  generate: {
    body: JOB,
    typescript: client(`const video = await avatar.generate(${FILES});
console.log(await video.url());`),
  },
  estimate: {
    body: JOB,
    typescript: client(`const { cost, etaSeconds } = await avatar.estimate(${FILES});
console.log(cost.usd, etaSeconds);`),
  },
  list: {
    query: "?status=succeeded&limit=10",
    typescript: client(
      `for await (const job of avatar.jobs.list({ status: "succeeded" })) console.log(job.id);`,
    ),
  },
  status: {
    path: "/v1/jobs/JOB_ID",
    query: "?wait=30",
    typescript: client(`const job = await avatar.jobs.get("JOB_ID", { wait: 30 });
console.log(job.status);`),
  },
  result: {
    path: "/v1/jobs/JOB_ID/result",
    typescript: client(`const video = await avatar.jobs.result("JOB_ID");
console.log(await video.url());`),
  },
  cancel: {
    path: "/v1/jobs/JOB_ID/cancel",
    typescript: client(`const job = await avatar.jobs.cancel("JOB_ID");
console.log(job.status);`),
  },
  delete: { path: "/v1/jobs/JOB_ID", typescript: client(`await avatar.jobs.delete("JOB_ID");`) },
  events: {
    path: "/v1/jobs/JOB_ID/events",
    typescript: client(`for await (const job of avatar.resume("JOB_ID")) console.log(job.status);`),
  },
  upload: {
    body: { contentType: "image/png", bytes: 204800 },
    typescript: (baseUrl) => `import { Avatar } from "@avatar/client";
import { file } from "@avatar/client/node";

const avatar = new Avatar({ baseUrl: "${baseUrl}" });
const upload = await avatar.upload(file("portrait.png"));
console.log(upload.id);`,
  },
  limits: { typescript: client("console.log(await avatar.limits());") },
  usage: {
    typescript: client(`const { totals } = await avatar.usage(); // of this month to date
console.log(totals);`),
  },
  currentKey: { typescript: client("console.log(await avatar.key());") },
  createChildKey: {
    body: { scopes: ["generate", "read"], ttlSeconds: 900 },
    typescript:
      trpc(`const { key } = await api.keys.createChild.mutate({ scopes: ["generate", "read"], ttlSeconds: 900 });
console.log(key); // for the browser, which forgets it within the quarter of an hour`),
  },
  createKey: {
    body: { owner: "acme", name: "production", scopes: ["generate", "read"] },
    typescript:
      trpc(`const { key } = await api.keys.create.mutate({ owner: "acme", name: "production", scopes: ["generate", "read"] });
console.log(key); // shown this once`),
  },
  listKeys: {
    query: "?owner=acme",
    typescript: trpc(`const { items } = await api.keys.list.query({ owner: "acme" });
console.log(items);`),
  },
  updateKey: {
    path: "/v1/keys/KEY_ID",
    body: { limits: { requestsPerMinute: 120 } },
    typescript: trpc(`await api.keys.update.mutate({ id: "KEY_ID", limits: { requestsPerMinute: 120 } });`),
  },
  rotateKey: {
    path: "/v1/keys/KEY_ID/rotate",
    body: { overlapSeconds: 3600 },
    typescript: trpc(`const { key } = await api.keys.rotate.mutate({ id: "KEY_ID", overlapSeconds: 3600 });
console.log(key); // the old one works for another hour`),
  },
  revokeKey: {
    path: "/v1/keys/KEY_ID/revoke",
    typescript: trpc(`await api.keys.revoke.mutate({ id: "KEY_ID" });`),
  },
  errors: {
    typescript: trpc(`const { items } = await api.errors.list.query({});
for (const { code, hint } of items) console.log(code, hint);`),
  },
  health: { typescript: (baseUrl) => `console.log((await fetch("${baseUrl}/healthz")).status);` },
  readiness: { typescript: (baseUrl) => `console.log((await fetch("${baseUrl}/readyz")).status);` },
};
