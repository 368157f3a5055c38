import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { uploadFixtures } from "../test/support/fixtures.ts";
import { createRest } from "../test/support/rest.ts";
import { loadLines, type Samples } from "./load-lines.ts";
import { aForm, FORM_TYPE } from "./support/bodies.ts";
import { type Context, KEY, say } from "./support/context.ts";
import { type BenchDatabase, startDatabase } from "./support/database.ts";
import type { Line } from "./support/line.ts";
import { type Server, startAvatar, startBare, startPeer } from "./support/servers.ts";
import { hasWrk, load, type Requests, type Sample } from "./support/wrk.ts";

const CONNECTIONS = [1, 32, 256];
/** Forms of 1.3 MiB at 256 connections are a test of patience. */
const BIG_CONNECTIONS = [1, 32];
const ASKED_JOBS = 100;
/** A portrait and a recording each; every submit takes the next. */
const UPLOADED_PAIRS = 64;
const WARM_UP_SECONDS = 3;

/** What is measured, for each server that it is measured of. */
type Plan = Record<string, { server: Server; requests: Requests }[]>;

/** P1, P2 and P3: submits and status, beside FastAPI and bare Node, by turns. */
export async function measureLoad(context: Context): Promise<Line[]> {
  if (!(await hasWrk())) {
    say("\n!! NO P1, P2 AND P3: there is no wrk (apt-get install wrk).\n");
    return [];
  }
  const { directory, peerFolder } = context;
  const database = await startDatabase(directory, "postgres");
  const servers: Server[] = [];
  try {
    const avatar = await startAvatar({ dataDir: join(directory, "data"), databaseUrl: database.url });
    servers.push(avatar);
    const peer = peerFolder === undefined ? undefined : await startPeer(peerFolder);
    if (peer) servers.push(peer);
    const bare = await startBare();
    servers.push(bare);
    const bodies = await writeBodies(directory, avatar);
    const plan = () => makePlan({ avatar, peer, bare }, database, bodies);
    return loadLines(await takeTurns(context, database, plan));
  } finally {
    for (const server of servers) await server.kill();
    await database.stop();
  }
}

interface Bodies {
  smallForm: string[];
  bigForm: string[];
  json: string[];
}

/** As files, by their names. */
async function writeBodies(directory: string, avatar: Server): Promise<Bodies> {
  const write = async (name: string, body: string | Buffer) => {
    const path = join(directory, name);
    await writeFile(path, body);
    return path;
  };
  const rest = createRest(avatar.url, KEY);
  const json: string[] = [];
  for (let n = 0; n < UPLOADED_PAIRS; n++)
    json.push(await write(`submit-${n}.json`, JSON.stringify(await uploadFixtures(rest))));
  return {
    smallForm: [await write("small-form", aForm(2048, 2048))],
    bigForm: [await write("big-form", aForm(300 * 1024, 1024 * 1024))],
    json,
  };
}

interface Subjects {
  avatar: Server;
  peer: Server | undefined;
  bare: Server;
}

/** Jobs to be asked about are the first in an empty queue, as those that are being rendered are. */
async function makePlan(
  { avatar, peer, bare }: Subjects,
  database: BenchDatabase,
  { smallForm, bigForm, json }: Bodies,
): Promise<Plan> {
  await database.clear();
  const ours = await submitted(avatar, "/v1/jobs", "application/json", await readFile(json[0] ?? ""));
  const theirs = peer ? await submitted(peer, "/v1/generate", FORM_TYPE, aForm(2048, 2048)) : [];
  const post = (path: string, bodyFiles: string[], type: string): Requests => ({
    method: "POST",
    paths: [path],
    type,
    bodyFiles,
  });
  const submit = post("/v1/jobs", json, "application/json");
  const of = (server: Server | undefined, requests: Requests) => (server ? [{ server, requests }] : []);
  return {
    status: [
      ...of(avatar, { method: "GET", paths: ours.map((id) => `/v1/jobs/${id}`) }),
      ...of(peer, { method: "GET", paths: theirs.map((id) => `/v1/status/${id}`) }),
    ],
    hello: of(bare, { method: "GET", paths: ["/"] }),
    submit: [...of(avatar, submit), ...of(peer, post("/v1/generate", smallForm, FORM_TYPE))],
    "submit, each with an Idempotency-Key": of(avatar, { ...submit, idempotencyKey: randomUUID() }),
    "submit of a form of 2 KiB + 2 KiB": of(avatar, post("/v1/jobs", smallForm, FORM_TYPE)),
    "submit of a form of 1.3 MiB": [
      ...of(avatar, post("/v1/jobs", bigForm, FORM_TYPE)),
      ...of(peer, post("/v1/generate", bigForm, FORM_TYPE)),
    ],
  };
}

async function submitted(server: Server, path: string, type: string, body: Buffer): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < ASKED_JOBS) {
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { ...server.headers, "Content-Type": type },
      body: new Uint8Array(body),
    });
    if (response.status !== 202)
      throw new Error(`${server.name}: ${response.status} ${await response.text()}`);
    ids.push(((await response.json()) as { id: string }).id);
  }
  return ids;
}

async function takeTurns(
  { directory, rounds, seconds }: Context,
  database: BenchDatabase,
  makePlan: () => Promise<Plan>,
): Promise<Samples> {
  const samples: Samples = new Map();
  // Round 0 is not counted: a server is slower until its code is compiled.
  for (let round = 0; round <= rounds; round++) {
    for (const connections of round === 0 ? [32] : CONNECTIONS) {
      for (const [what, contenders] of Object.entries(await makePlan())) {
        if (what.includes("1.3 MiB") && !BIG_CONNECTIONS.includes(connections)) continue;
        // Who is first has no advantage.
        for (const { server, requests } of round % 2 ? contenders : contenders.toReversed()) {
          const options = {
            connections,
            seconds: round === 0 ? WARM_UP_SECONDS : seconds,
            directory,
            postgresPid: database.pid,
          };
          const sample = await load(server, requests, options);
          say(
            `round ${round} ${what}@${connections} ${server.name}: ${sample.perSecond.toFixed(0)}/s ` +
              `p99 ${sample.p99Ms} ms, CPU ${sample.serverCpu.toFixed(0)} + ${sample.postgresCpu.toFixed(0)} µs, ` +
              `${sample.refused} refused ${sample.errors}`,
          );
          if (round === 0) continue;
          const key = `${what}@${connections}`;
          const byServer = samples.get(key) ?? new Map<string, Sample[]>();
          samples.set(key, byServer);
          byServer.set(server.name, [...(byServer.get(server.name) ?? []), sample]);
        }
      }
    }
  }
  return samples;
}
