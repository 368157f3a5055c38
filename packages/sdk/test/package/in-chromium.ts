import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { text } from "node:stream/consumers";
import { build } from "esbuild";
import { serve } from "../support/serve.ts";
import type { InstalledPackage } from "./install-package.ts";
import { withProgram } from "./processes.ts";

/** A page as a bundler makes it, which tells its server how it went. */
export async function inChromium({ folder }: InstalledPackage, program: string): Promise<void> {
  const page = `
    import { Avatar, AvatarError } from "@avatar/client";
    ${program}
    const report = (body) => fetch("/report", { method: "POST", body });
    runChecks().then(() => report("passed"), ({ stack }) => report(stack));`;
  const { outputFiles } = await build({
    stdin: { contents: page, resolveDir: folder },
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    outdir: "page",
    write: false,
  });
  const scripts = new Map(outputFiles.map(({ path, contents }) => [`/${basename(path)}`, contents]));
  const { promise: reported, resolve: tell } = Promise.withResolvers<string>();
  const server = await serve(async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/report") tell(await request.text());
    const script = scripts.get(pathname);
    if (script) return new Response(script, { headers: { "content-type": "text/javascript" } });
    const html = '<!doctype html><script type="module" src="/stdin.js"></script>';
    return new Response(html, { headers: { "content-type": "text/html" } });
  });
  const profile = mkdtempSync(join(tmpdir(), "avatar-chromium-"));
  const flags = [
    "--headless",
    "--no-sandbox", // It refuses to run as root with one.
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    `--user-data-dir=${profile}`,
  ];
  const chromium = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";
  try {
    await withProgram([chromium, ...flags, server.url], folder, async ({ stdout, stderr }) => {
      stdout.resume();
      const ended = text(stderr).then((output) => `It ended:\n${output}`);
      const report = await Promise.race([reported, ended]);
      if (report !== "passed") throw new Error(report);
    });
  } finally {
    await server.stop();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}
