import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { uploadFixtures } from "../test/support/fixtures.ts";
import { createRest } from "../test/support/rest.ts";
import { aForm, FORM_TYPE } from "./support/bodies.ts";
import { type Context, KEY } from "./support/context.ts";
import { startDatabase } from "./support/database.ts";
import type { Line } from "./support/line.ts";
import { type Server, startAvatar, startPeer } from "./support/servers.ts";

const CONNECTIONS = 256;
const LEAST_ACCEPTED = 1000;
const LEAST_MS = 3000;
const MOST_MS = 30_000;

/** P1: a server is killed while it takes jobs, and started again. Which of those that it said it has does it know? */
export async function measureLostJobs({ directory, peerFolder }: Context): Promise<Line[]> {
  const database = await startDatabase(directory, "postgres-lost");
  const options = { dataDir: join(directory, "data-lost"), databaseUrl: database.url };
  try {
    const avatar = await startAvatar(options);
    const inputs = await uploadFixtures(createRest(avatar.url, KEY));
    const body = JSON.stringify(inputs);
    const post = (server: Server) => send(server, "/v1/jobs", "application/json", body);
    const ours = await lostBy(avatar, post, "/v1/jobs", () => startAvatar(options));
    const lines = [lineOf("P1 lost by kill -9", ours, true)];
    if (peerFolder === undefined) return lines;
    const form = aForm(2048, 2048);
    const postForm = (server: Server) => send(server, "/v1/generate", FORM_TYPE, new Uint8Array(form));
    const peer = await startPeer(peerFolder);
    const theirs = await lostBy(peer, postForm, "/v1/status", () => startPeer(peerFolder));
    return [...lines, lineOf("P1 lost by kill -9, FastAPI", theirs, false)];
  } finally {
    await database.stop();
  }
}

interface Lost {
  accepted: number;
  lost: number;
}

const lineOf = (name: string, { accepted, lost }: Lost, hasAim: boolean): Line => ({
  name,
  value: `${lost} of ${accepted.toLocaleString("en")}`,
  ...(hasAim && { aim: "0", isMet: lost === 0 && accepted > 0 }),
  figures: { accepted, lost },
});

const send = (server: Server, path: string, type: string, body: string | Uint8Array<ArrayBuffer>) =>
  fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { ...server.headers, "Content-Type": type },
    body,
  });

async function lostBy(
  server: Server,
  post: (server: Server) => Promise<Response>,
  jobs: string,
  restart: () => Promise<Server>,
): Promise<Lost> {
  const accepted: string[] = [];
  let isDead = false;
  const submit = async () => {
    while (!isDead) {
      const id = await post(server).then(
        async (answer) => (answer.status === 202 ? ((await answer.json()) as { id: string }).id : undefined),
        () => undefined,
      );
      if (id !== undefined) accepted.push(id);
    }
  };
  const submitting = Array.from({ length: CONNECTIONS }, submit);
  const startedMs = performance.now();
  const isEnough = () => accepted.length >= LEAST_ACCEPTED && performance.now() - startedMs >= LEAST_MS;
  while (!isEnough() && performance.now() - startedMs < MOST_MS) await delay(10);
  const killed = server.kill();
  isDead = true;
  await killed;
  await Promise.all(submitting);
  const again = await restart();
  let lost = 0;
  const left = accepted.values();
  const ask = async () => {
    for (const id of left) {
      const { status } = await fetch(`${again.url}${jobs}/${id}`, { headers: again.headers });
      if (status !== 200) lost += 1;
    }
  };
  await Promise.all(Array.from({ length: 32 }, ask));
  await again.kill();
  return { accepted: accepted.length, lost };
}
