import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import type { InstalledPackage } from "./install-package.ts";
import { type Command, withProgram } from "./processes.ts";

const DIST = "node_modules/@avatar/client/dist";

/** The package's own files, without a bundler and without a compatibility flag. */
export const inWorkerd =
  (workerd: Command) =>
  async ({ folder, installed }: InstalledPackage, program: string): Promise<void> => {
    const worker = `
      import { Avatar, AvatarError } from "./${DIST}/index.js";
      ${program}
      export default {
        fetch: () => runChecks().then(() => new Response("passed"), ({ stack }) => new Response(stack)),
      };`;
    writeFileSync(join(folder, "worker.js"), worker);
    const files = readdirSync(join(installed, "dist")).filter((name) => name.endsWith(".js"));
    const modules = ["worker.js", ...files.map((name) => `${DIST}/${name}`)];
    const config = `
      using Workerd = import "/workerd/workerd.capnp";
      const config :Workerd.Config = (
        services = [(name = "main", worker = .main), (name = "internet", network = (allow = ["private"]))],
        sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
      );
      const main :Workerd.Worker = (
        modules = [${modules.map((name) => `(name = "${name}", esModule = embed "${name}")`)}],
        compatibilityDate = "2026-11-17",
      );`;
    writeFileSync(join(folder, "config.capnp"), config);
    const command: Command = [...workerd, "serve", "config.capnp", "--control-fd=1"];
    await withProgram(command, folder, async ({ stdout, stderr }) => {
      const output = text(stderr);
      for await (const line of createInterface(stdout)) {
        const { event, port } = JSON.parse(line);
        if (event !== "listen") continue;
        const report = await (await fetch(`http://127.0.0.1:${port}`)).text();
        if (report !== "passed") throw new Error(report);
        return;
      }
      throw new Error(`It did not start:\n${await output}`);
    });
  };
