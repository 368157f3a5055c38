import { existsSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { startFakeApi } from "../support/fake-api.ts";
import { inChromium } from "./in-chromium.ts";
import { inWorkerd } from "./in-workerd.ts";
import type { InstalledPackage } from "./install-package.ts";
import { type Command, runFile } from "./processes.ts";

const PROGRAM = readFileSync(new URL("program.js.txt", import.meta.url), "utf8");
const ESM = 'import { Avatar, AvatarError } from "@avatar/client";';
const CJS = 'const { Avatar, AvatarError } = require("@avatar/client");';
const AS_TESTS = "for (const [name, check] of Object.entries(CHECKS)) test(name, check);";
/** By hand, since the program listens to unhandled rejections. */
const BY_ITSELF = `runChecks().catch((error) => {
  console.error(error);
  process.exit(1);
});`;

/** @param program without its imports */
type Runtime = (installed: InstalledPackage, program: string) => Promise<void>;

const onNode = (name: string, node: Command): Record<string, Runtime> => ({
  [`${name}, ESM`]: ({ folder }, program) =>
    runFile(node, folder, "program.mjs", `import { test } from "node:test"; ${ESM}\n${program}\n${AS_TESTS}`),
  [`${name}, CommonJS`]: ({ folder }, program) =>
    runFile(
      node,
      folder,
      "program.cjs",
      `const { test } = require("node:test"); ${CJS}\n${program}\n${AS_TESTS}`,
    ),
});

const onItsOwn =
  (...command: Command): Runtime =>
  ({ folder }, program) =>
    runFile(command, folder, "program.mjs", `${ESM}\n${program}\n${BY_ITSELF}`);

/** This Node, and the machine's own where it has one: what is installed already. */
export function installedRuntimes(): Record<string, Runtime> {
  const own = (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "node"))
    .find((path) => !path.includes("node_modules") && existsSync(path));
  return { ...onNode("this Node", [process.execPath]), ...(own && onNode("the machine's Node", [own])) };
}

const npx = (name: string, ...args: string[]): Command => ["npx", "-y", name, ...args];

/** Each of a known version, from npm, without being installed here; Chromium is the machine's. */
export const RUNTIMES: Record<string, Runtime> = {
  ...onNode("Node 20.20.2", npx("node@20.20.2")),
  ...onNode("Node 22.23.3", npx("node@22.23.3")),
  ...onNode("Node 24.21.0", npx("node@24.21.0")),
  "Bun 1.4.5": onItsOwn(...npx("bun@1.4.5")),
  // Without the right to read the environment.
  "Deno 2.9.6": onItsOwn(
    ...npx("deno@2.9.6", "run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-read=."),
  ),
  "workerd 1.20261117.1": inWorkerd(npx("workerd@1.20261117.1")),
  Chromium: inChromium,
};

/** One program on each, one after the other, against a server on a real socket. */
export async function runOn(runtimes: Record<string, Runtime>, installed: InstalledPackage): Promise<void> {
  for (const [name, runtime] of Object.entries(runtimes)) {
    const api = await startFakeApi();
    api.now = Date.now;
    api.headers = {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "*",
      "access-control-allow-headers": "authorization, content-type, idempotency-key, if-none-match",
    };
    api.fail("POST /v1/jobs", "lost-reply");
    try {
      await runtime(installed, `const BASE_URL = "${api.url}";\n${PROGRAM}`);
      // Three jobs, one of them asked for twice, and one stopped.
      const creates = api.count("POST /v1/jobs");
      const cancels = api.count("POST /v1/jobs/:id/cancel");
      if (api.jobs.size !== 3 || creates < 4 || cancels !== 1)
        throw new Error(`${api.jobs.size} jobs of ${creates} requests, ${cancels} canceled`);
    } catch (cause) {
      throw new Error(`On ${name}`, { cause });
    } finally {
      await api.close();
    }
    console.log(`works: ${name}`);
  }
}
