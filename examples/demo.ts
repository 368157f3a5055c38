/**
 * Starts the API, makes one video with generate.ts, stops the API and cleans up: `npx -y pnpm@12 demo`. With `--gpu` the
 * video goes all the way through RunPod and its worker, both stood in for on this machine, and the bill is shown.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { withChecksum } from "../packages/contract/src/api-keys.ts";
import { type FakeGpu, startFakeGpu } from "./fake-gpu.ts";

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const isOnGpu = process.argv.includes("--gpu");
const output = at(isOnGpu ? "out/demo-gpu.mp4" : "out/demo.mp4");
const apiKey = withChecksum(`avk_live_${randomBytes(17).toString("hex")}`);

/** Rejects on Ctrl-C, so that whatever waits goes on to clean up. */
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => reject(new Error(`stopped by ${signal}`)));
  }
});
interrupted.catch(() => {});

try {
  await mkdir(at("out"), { recursive: true });
  await rm(output, { force: true });
  const dataDir = await mkdtemp(join(tmpdir(), "avatar-demo-"));
  let gpu: FakeGpu | undefined;
  try {
    gpu = isOnGpu ? await startFakeGpu() : undefined;
    await withApi(dataDir, gpu);
  } finally {
    await gpu?.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
  console.log(`\nYour video: ${output}`);
  console.log(`Play it:    ${playCommand()} "${output}"`);
} catch (error) {
  console.error(`The demo failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}

async function withApi(dataDir: string, gpu: FakeGpu | undefined): Promise<void> {
  const engine = gpu ? "RunPod and its worker stood in for" : "preview engine on the CPU";
  console.log(`Starting the API: embedded database, files on disk, ${engine}.`);
  const api = start("apps/api/src/main.ts", [], {
    HOST: "127.0.0.1",
    PORT: "0",
    DATA_DIR: dataDir,
    BOOTSTRAP_API_KEY: apiKey,
    LOG_LEVEL: "warn",
    // Whatever this shell is set up for, the demo stands alone.
    DATABASE_URL: "",
    PUBLIC_BASE_URL: "",
    R2_ENDPOINT: "",
    R2_BUCKET: "",
    R2_ACCESS_KEY_ID: "",
    R2_SECRET_ACCESS_KEY: "",
    ENGINE: "preview",
    ...gpu?.env,
  });
  try {
    const baseUrl = await addressOf(api);
    gpu?.allow(baseUrl);
    await generate(baseUrl);
    if (gpu) console.log(await Promise.race([gpu.bill(), interrupted]));
  } catch (error) {
    await stop(api);
    throw error;
  }
  const outcome = await stop(api);
  if (outcome !== 0) throw new Error(`the API did not stop cleanly (${outcome})`);
}

async function generate(baseUrl: string): Promise<void> {
  const files = [at("examples/media/portrait.png"), at("examples/media/speech-7s.wav"), output];
  const env = { AVATAR_BASE_URL: baseUrl, AVATAR_API_KEY: apiKey };
  const program = start("examples/generate.ts", [...files, "--aspect", "16:9"], env);
  program.stdout?.pipe(process.stdout, { end: false });
  try {
    const outcome = await Promise.race([exitOf(program), interrupted]);
    if (outcome !== 0) throw new Error(`generate.ts ended with ${outcome}`);
  } finally {
    await stop(program);
  }
}

function start(script: string, args: string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [at(script), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

/** The API says where it listens. What else it says of itself is no news here; anything more is passed on. */
function addressOf(api: ChildProcess): Promise<string> {
  const said = new Promise<string>((resolve) => {
    createInterface({ input: api.stdout ?? process.stdin }).on("line", (line) => {
      const [, url] = /^avatar is listening on (\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
      else if (!line.startsWith("avatar is ")) console.log(line);
    });
  });
  return Promise.race([
    said,
    interrupted,
    exitOf(api).then((outcome) =>
      Promise.reject(new Error(`the API ended before it was ready (${outcome})`)),
    ),
    after(START_TIMEOUT_MS).then(() => Promise.reject(new Error("the API did not start within a minute"))),
  ]);
}

/** Asks a process to end, and makes it end if it does not. */
async function stop(child: ChildProcess): Promise<number | string> {
  child.kill("SIGTERM");
  const outcome = await Promise.race([exitOf(child), after(STOP_TIMEOUT_MS)]);
  if (outcome !== undefined) return outcome;
  child.kill("SIGKILL");
  return exitOf(child);
}

/** The exit code, or the signal that ended the process, or why it could not be started. */
function exitOf(child: ChildProcess): Promise<number | string> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(child.signalCode);
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "unknown"));
    child.once("error", (error) => resolve(error.message));
  });
}

/** Does not keep the program running. */
function after(ms: number): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), ms).unref();
  });
}

function playCommand(): string {
  if (process.platform === "darwin") return "open";
  return process.platform === "win32" ? 'start ""' : "xdg-open";
}
