import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { ChildExited, startChildApi } from "./support/child-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.remove());
});

/** How a start ends that fails. */
async function failedStart(env: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const error = await startChildApi({ database, env }).catch((error: unknown) => error);
  if (!(error instanceof ChildExited)) throw new Error("it started", { cause: error });
  return { code: error.exit.code, output: error.output };
}

async function listen(): Promise<{ server: Server; port: string }> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { server, port: String(typeof address === "object" && address?.port) };
}

test("a port that is taken is named, and the first key is not lost", async () => {
  const { server, port } = await listen();
  const { code, output } = await failedStart({ PORT: port, BOOTSTRAP_API_KEY: "" });
  server.close();
  expect(code).toBe(2);
  expect(output).toMatch(
    new RegExp(`^HOST, PORT: cannot listen on 127.0.0.1:${port}: .*address already in use`),
  );

  const api = await startChildApi({ database, env: { BOOTSTRAP_API_KEY: "" } });
  expect(api.output()).toMatch(/^Your API key, shown this once: avk_live_[0-9A-Za-z]{40}$/m);
});

test("a folder that cannot be used is named, without a stack", async () => {
  await mkdir(join(database.dataDir, "objects"), { recursive: true });
  await writeFile(join(database.dataDir, "incoming"), "a file where a folder must be");
  const { code, output } = await failedStart({});
  expect(code).toBe(2);
  expect(output).toBe(
    `DATA_DIR: cannot use ${database.dataDir}: EEXIST: file already exists, mkdir '${join(database.dataDir, "incoming")}'\n`,
  );
});

test("an embedded database that cannot be opened is named", async () => {
  await mkdir(join(database.dataDir, "pglite"), { recursive: true });
  await writeFile(join(database.dataDir, "pglite", "PG_VERSION"), "99\n");
  const { code, output } = await failedStart({ DATABASE_URL: "" });
  expect(code).toBe(2);
  expect(output).toMatch(
    /^DATA_DIR: .*pglite is no database that this version can open: .* move it away to begin anew/,
  );
  expect(output.trim().split("\n")).toHaveLength(1);
});

test("a secret that is broken is named, and is not replaced behind the operator's back", async () => {
  const path = join(database.dataDir, "signing-secret");
  await writeFile(path, "short");
  database.r2 = undefined; // There it signs nothing.
  const { code, output } = await failedStart({});
  expect(code).toBe(2);
  expect(output).toMatch(`${path} must hold 32 bytes`);
});

test("a database that refuses is named, without its password", async () => {
  const { server, port } = await listen();
  server.close();
  await once(server, "close");
  const { code, output } = await failedStart({ DATABASE_URL: `postgres://me:secret@127.0.0.1:${port}/x` });
  expect(code).toBe(2);
  expect(output).toMatch(/^DATABASE_URL: cannot open the database: .*ECONNREFUSED/);
  expect(output).not.toContain("secret");
});

test("an encoder that cannot be used is named", async () => {
  const { code, output } = await failedStart({ PREVIEW_ENCODER: "ffmpeg", FFMPEG_PATH: "/nowhere/ffmpeg" });
  expect(code).toBe(2);
  expect(output).toMatch(/^PREVIEW_ENCODER, FFMPEG_PATH: There is no program "\/nowhere\/ffmpeg"/);
});

test("what is wrong with the configuration is said before anything is opened", async () => {
  const { code, output } = await failedStart({ PORT: "http", LOG_LEVEL: "loud" });
  expect(code).toBe(2);
  expect(output).toMatch(/^The configuration is not valid:\n {2}PORT: .*\n {2}LOG_LEVEL: .*\n$/);
});
