import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cpuOf, cpuOfFamily } from "./processes.ts";
import type { Server } from "./servers.ts";

/** What is sent over and over again. */
export interface Requests {
  method: "GET" | "POST";
  /** In turn. */
  paths: string[];
  type?: string;
  /** The files that have them; in turn. */
  bodyFiles?: string[];
  /** Each with an Idempotency-Key of its own, which begins with this. */
  idempotencyKey?: string;
}

export interface Sample {
  /** Good answers. */
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  /** Processor time of a request, in microseconds. */
  serverCpu: number;
  postgresCpu: number;
  /** Answers that were not 2xx. */
  refused: number;
  /** Lines of wrk about connections, reads, writes and timeouts. */
  errors: string;
}

const run = promisify(execFile);

/** The load comes from `wrk`, in one thread: it takes a few microseconds for a request, much less than any server here. */
export async function hasWrk(): Promise<boolean> {
  // It has no option that ends well.
  const answer = await run("wrk", ["--version"]).catch((error: NodeJS.ErrnoException) => error);
  return !("code" in answer && answer.code === "ENOENT");
}

interface Options {
  connections: number;
  seconds: number;
  /** For its script. */
  directory: string;
  postgresPid: number;
}

export async function load(server: Server, requests: Requests, options: Options): Promise<Sample> {
  const { connections, seconds, directory, postgresPid } = options;
  const script = join(directory, "requests.lua");
  await writeFile(script, luaOf(server, requests));
  const [serverBefore, postgresBefore] = [cpuOf(server.pid), cpuOfFamily(postgresPid)];
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "--latency", "-s", script];
  const { stdout } = await run("wrk", [...args, server.url]);
  const [serverCpu, postgresCpu] = [
    cpuOf(server.pid) - serverBefore,
    cpuOfFamily(postgresPid) - postgresBefore,
  ];
  const [, count, took = ""] = /(\d+) requests in ([\d.]+m?s)/.exec(stdout) ?? [];
  const answers = Number(count);
  // Where many are served at once, the first answers may take longer than that.
  if (!answers && seconds < 30) return load(server, requests, { ...options, seconds: 4 * seconds });
  if (!answers) throw new Error(`${server.name} did not answer: ${stdout}`);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  return {
    perSecond: (answers - refused) / (toMs(took) / 1000),
    p50Ms: toMs(/50% +(\S+)/.exec(stdout)?.[1]),
    p99Ms: toMs(/99% +(\S+)/.exec(stdout)?.[1]),
    serverCpu: serverCpu / answers,
    postgresCpu: postgresCpu / answers,
    refused,
    errors: /Socket errors: (.+)/.exec(stdout)?.[1] ?? "",
  };
}

/** wrk writes `870.12us`, `4.09ms`, `1.02s`, `1.50m`. */
function toMs(text = ""): number {
  const [, number, unit = ""] = /^([\d.]+)(us|ms|s|m)$/.exec(text) ?? [];
  return Number(number) * ({ us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit] ?? Number.NaN);
}

/** Its strings are written as JSON has them, which Lua reads alike. All requests are made before the first is sent. */
function luaOf(server: Server, { method, paths, type, bodyFiles = [], idempotencyKey }: Requests): string {
  const headers = {
    ...server.headers,
    ...(type !== undefined && { "Content-Type": type }),
    ...(idempotencyKey !== undefined && { "Idempotency-Key": `${idempotencyKey}-NUMBER` }),
  };
  const text = JSON.stringify;
  const list = (texts: string[]) => `{${texts.map((each) => text(each)).join(", ")}}`;
  return [
    `wrk.method = ${text(method)}`,
    ...Object.entries(headers).map(([name, value]) => `wrk.headers[${text(name)}] = ${text(value)}`),
    "local bodies, heads, tails, at = {}, {}, {}, 0",
    `for i, name in ipairs(${list(bodyFiles)}) do`,
    '  local file = io.open(name, "rb"); bodies[i] = file:read("*a"); file:close()',
    "end",
    "function init(args)",
    `  local paths = ${list(paths)}`,
    "  for i = 1, math.max(#paths, #bodies) do",
    "    local request = wrk.format(nil, paths[(i - 1) % #paths + 1], nil, bodies[(i - 1) % math.max(#bodies, 1) + 1])",
    '    local from, to = request:find("-NUMBER", 1, true)',
    "    heads[i] = request:sub(1, from or -1)",
    "    tails[i] = from and request:sub(to + 1)",
    "  end",
    "end",
    "function request()",
    "  at = at + 1",
    "  local i = at % #heads + 1",
    "  if tails[i] then return heads[i] .. at .. tails[i] end",
    "  return heads[i]",
    "end",
  ].join("\n");
}
