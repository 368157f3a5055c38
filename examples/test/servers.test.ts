import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Avatar } from "@avatar/client";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { type Api, startApi } from "./support/api.ts";
import { probe } from "./support/video.ts";
import { startWorkerd } from "./support/workerd.ts";

const at = (path: string) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const media = (name: string) => readFile(at(`media/${name}`));

interface Server {
  url: string;
  fetch(url: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

let api: Api;
let env: Record<"AVATAR_API_KEY" | "AVATAR_BASE_URL" | "SESSION_SECRET", string>;
beforeAll(async () => {
  api = await startApi();
  env = { AVATAR_API_KEY: api.apiKey, AVATAR_BASE_URL: api.url, SESSION_SECRET: "a long random text" };
});
afterAll(() => api.stop());
afterEach(() => void vi.unstubAllGlobals());

async function startHono(): Promise<Server> {
  const child = spawn(process.execPath, [at("hono/server.ts")], {
    env: { PATH: process.env.PATH, PORT: "0", ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return {
    url: line.replace("Listening on ", ""),
    fetch,
    async stop() {
      child.kill();
      await once(child, "exit");
    },
  };
}

/** What Next does with the files in `app`: it hands them requests. */
async function startNext(): Promise<Server> {
  Object.assign(process.env, env);
  const routes = {
    login: await import("../next/app/api/login/route.ts"),
    avatar: await import("../next/app/api/avatar/[...path]/route.ts"),
  };
  const url = "https://next.test";
  return {
    url,
    async fetch(to, init) {
      if (!to.startsWith(url)) return fetch(to, init); // The store.
      const request = new Request(to, init);
      if (to === `${url}/api/login`) return routes.login.POST();
      return request.method === "POST" ? routes.avatar.POST(request) : routes.avatar.GET(request);
    },
    async stop() {},
  };
}

async function startWorker(): Promise<Server> {
  await build({
    entryPoints: [at("workers/worker.ts")],
    bundle: true,
    format: "esm",
    outfile: at("../out/worker.js"),
  });
  return { fetch, ...(await startWorkerd("workers/config.capnp", env)) };
}

describe.each([
  ["hono", startHono],
  ["next", startNext],
  ["workers", startWorker],
])("the proxy in examples/%s", (_name, start) => {
  let server: Server;
  beforeAll(async () => {
    server = await start();
  }, 120_000); // workerd is downloaded the first time.
  afterAll(() => server.stop());

  /** The client of a page, which knows a path and has a cookie. */
  function page(cookie: string): Avatar {
    vi.stubGlobal("location", new URL(server.url));
    return new Avatar({ baseUrl: "/api/avatar", fetch: server.fetch, headers: { cookie }, retry: false });
  }

  async function signIn(): Promise<string> {
    const { status, headers } = await server.fetch(`${server.url}/api/login`, { method: "POST" });
    expect(status).toBe(204);
    return headers.getSetCookie()[0]?.split(";")[0] as string;
  }

  test("makes a video for whom is signed in, and shows it to nobody else", async () => {
    const input = { image: await media("portrait.png"), audio: await media("speech-3s.wav") };
    const video = await page(await signIn()).generate(input);
    expect(await probe(await video.url())).toBe("h264,960,960 aac");
    await expect(page(await signIn()).jobs.get(video.jobId)).rejects.toMatchObject({ code: "job_not_found" });
  });

  test("lets no stranger in, and nobody who writes a session of his own", async () => {
    const [user = "", signature] = (await signIn()).split(".");
    for (const cookie of ["", "session=ada", `${user.slice(0, -1)}.${signature}`]) {
      const refusal = {
        status: 401,
        code: "unauthorized",
        hint: "Sign in to the application, then try again.",
      };
      await expect(page(cookie).limits()).rejects.toMatchObject(refusal);
    }
  });

  test("does not open what pages must not have", async () => {
    const client = page(await signIn());
    await expect(client.usage()).rejects.toMatchObject({ status: 404 });
    await expect(client.jobs.list()).rejects.toMatchObject({ status: 405 });
  });
});
