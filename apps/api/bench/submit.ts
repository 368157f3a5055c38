import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withChecksum } from "@avatar/contract/api-keys";
import { aPng, aWav } from "../test/media/media-files.ts";
import { freePort, startPostgres } from "../test/support/postgres-server.ts";
import { until } from "../test/support/until.ts";
import { quantile } from "./quantile.ts";

/**
 * P2: how many forms of 1.3 MiB a server takes, beside a server in Python that keeps them in memory. Needs `wrk`, and
 * the folder of that server, which has a `run.sh`.
 */
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const SECONDS = 4;
const CONNECTIONS = [1, 32];
const KEY = withChecksum(`avk_live_${"B".repeat(34)}`);
const run = promisify(execFile);

const [peerFolder] = process.argv.slice(2);
if (!peerFolder) throw new Error("usage: node bench/submit.ts <folder of the peer>");
const directory = await mkdtemp(join(tmpdir(), "avatar-bench-"));
await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.

interface Server {
  name: string;
  url: string;
  key: Record<string, string>;
  process: ChildProcess;
}

function aForm(): Buffer {
  const image = aPng({ pixels: randomBytes(300 * 1024) });
  const audio = aWav({ seconds: 32.768, sampleRate: 16_000 });
  randomBytes(audio.length - 44).copy(audio, 44);
  const part = (name: string, type: string, body: Buffer) => [
    `--b0undary\r\nContent-Disposition: form-data; name="${name}"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`,
    body,
    "\r\n",
  ];
  const parts = [
    ...part("image", "image/png", image),
    ...part("audio", "audio/wav", audio),
    "--b0undary--\r\n",
  ];
  return Buffer.concat(parts.map((piece) => Buffer.from(piece)));
}

async function isReady(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false,
  );
}

async function startOurs(databaseUrl: string): Promise<Server> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("../test/support/child-main.ts", import.meta.url))],
    {
      env: {
        PATH: process.env.PATH,
        DATA_DIR: join(directory, "data"),
        DATABASE_URL: databaseUrl,
        PORT: String(port),
        BOOTSTRAP_API_KEY: KEY,
        LOG_LEVEL: "warn",
        MAX_RUNS_IN_FLIGHT: "1",
        CHILD_OPTIONS: JSON.stringify({ engine: "hold" }),
      },
      stdio: ["ignore", "ignore", "inherit"],
    },
  );
  const url = `http://127.0.0.1:${port}`;
  await until("our server answers", () => isReady(`${url}/readyz`));
  return { name: "avatar", url: `${url}/v1/jobs`, key: { Authorization: `Bearer ${KEY}` }, process: child };
}

async function startPeer(folder: string): Promise<Server> {
  const port = await freePort();
  const child = spawn("/bin/sh", [resolve(folder, "run.sh")], {
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = `http://127.0.0.1:${port}`;
  await until("the peer answers", () => isReady(`${url}/health`));
  return { name: "FastAPI", url: `${url}/v1/generate`, key: { "x-api-key": "test-key" }, process: child };
}

/** Of user and kernel, in microseconds, as Linux counts it. */
function cpuOf({ process: { pid } }: Server): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

async function measure(server: Server, connections: number) {
  const script = join(directory, `${server.name}.lua`);
  const headers = { "Content-Type": "multipart/form-data; boundary=b0undary", ...server.key };
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  const body = `local file = io.open("${join(directory, "form")}", "rb"); wrk.body = file:read("*a"); file:close()`;
  await writeFile(script, ['wrk.method = "POST"', body, ...lines].join("\n"));
  const before = cpuOf(server);
  const args = ["-t1", `-c${connections}`, `-d${SECONDS}s`, "--timeout", "10s", "--latency", "-s", script];
  const { stdout } = await run("wrk", [...args, server.url]);
  const requests = Number(/(\d+) requests in/.exec(stdout)?.[1]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return {
    perSecond: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]),
    p99: /99% +(\S+)/.exec(stdout)?.[1] ?? "?",
    cpuMs: (cpuOf(server) - before) / 1000 / requests,
  };
}

const postgres = await startPostgres(join(directory, "postgres"));
const servers: Server[] = [];
try {
  await writeFile(join(directory, "form"), aForm());
  servers.push(await startOurs(postgres.url), await startPeer(peerFolder));
  for (const connections of CONNECTIONS) {
    const ratios: number[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const results: number[] = [];
      for (const server of servers) {
        const { perSecond, p99, cpuMs } = await measure(server, connections);
        results.push(perSecond);
        console.log(
          `c=${connections} round ${round}: ${server.name} ${perSecond} req/s, p99 ${p99}, ${cpuMs.toFixed(1)} ms CPU each`,
        );
      }
      const [ours = 0, peer = 0] = results;
      ratios.push(ours / peer);
    }
    const median = quantile(
      ratios.toSorted((a, b) => a - b),
      0.5,
    );
    const verdict = median >= 5 ? "met" : "missed";
    console.log(
      `P2 form of 1.3 MiB, ${connections} connections: ${median.toFixed(1)} x FastAPI (aim >= 5) ${verdict}, median of ${ROUNDS} rounds`,
    );
  }
} finally {
  for (const { process: child } of servers) child.kill("SIGKILL");
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
}
