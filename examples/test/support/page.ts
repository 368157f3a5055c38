import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { build, preview } from "vite";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** A browser whose pages must not complain. */
export interface Browser {
  open(url: string): Promise<Page>;
  /** What pages wrote to the console as errors, threw or failed to load. */
  complaints: string[];
  close(): Promise<void>;
}

export async function startBrowser(): Promise<Browser> {
  const folder = await mkdtemp(join(tmpdir(), "avatar-chromium-"));
  const context: BrowserContext = await chromium.launchPersistentContext(folder, {
    executablePath: process.env.CHROMIUM_PATH ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox", // It refuses to run as root with one.
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    viewport: { width: 900, height: 1000 },
  });
  const complaints: string[] = [];
  return {
    complaints,
    async open(url) {
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() === "error") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.setDefaultTimeout(20_000);
      await page.goto(url);
      return page;
    },
    async close() {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Builds an example's page and serves it, with keys for it. */
export async function servePage(name: string, port: number): Promise<{ stop(): Promise<void> }> {
  const outDir = await mkdtemp(join(tmpdir(), "avatar-page-"));
  const options = {
    root: at(name),
    configFile: at("vite.config.ts"),
    logLevel: "error" as const,
    build: { outDir, emptyOutDir: true },
  };
  await build(options);
  const server = await preview({ ...options, preview: { port, host: "127.0.0.1", strictPort: true } });
  return {
    async stop() {
      await server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}

/** The API is told the origins of its pages before they are there. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || !address) throw new Error("no port");
  return address.port;
}
