import { readFile } from "node:fs/promises";
import { createTestDatabase, startTestApi, type TestApi } from "@avatar/api/testing";
import { afterEach, beforeAll, beforeEach, vi } from "vitest";
import { Avatar } from "../../src/index.ts";
import { createProxy } from "../../src/proxy.ts";
import { type Served, serve } from "./serve.ts";

interface Asked {
  origin: string;
  method: string;
  path: string;
  headers: Headers;
  signal: AbortSignal | null | undefined;
}

interface Context {
  api: TestApi;
  /** The server of the pages. */
  app: Served;
  /** What the proxy has asked the API for in this test. */
  asked: Asked[];
  /** What the operator of the proxy was told. */
  errors: unknown[];
}

const MOUNT = "/api/avatar";
const media = (name: string) => readFile(new URL(`../../../../examples/media/${name}`, import.meta.url));

export const files = async () => ({
  image: await media("portrait.png"),
  audio: await media("speech-3s.wav"),
});

/** The client of a page in which this user has signed in. */
export const pageOf = (user: string) =>
  new Avatar({ baseUrl: MOUNT, headers: { cookie: `session=${user}` } });

/** Ids of a portrait and a recording. */
export async function uploaded() {
  const { image, audio } = await files();
  const [one, other] = await Promise.all([pageOf("ada").upload(image), pageOf("ada").upload(audio)]);
  return { image: one.id, audio: other.id };
}

/** The real API, behind a proxy that is mounted in a server of our own. */
export function useProxy() {
  const context = {} as Context;

  beforeAll(async () => {
    const database = await createTestDatabase("pglite", "disk");
    const api = await startTestApi({ database });
    const proxy = createProxy({
      apiKey: api.apiKey,
      baseUrl: api.url,
      authorize(request) {
        const user = request.headers.get("cookie")?.replace("session=", "");
        if (user === "nobody") throw new Error("the secret address of the session store");
        return user;
      },
      onError: (error) => context.errors.push(error),
      fetch(url, init) {
        const { origin, pathname, search } = new URL(url);
        const { method = "GET", headers, signal } = init;
        context.asked.push({
          origin,
          method,
          path: pathname + search,
          headers: new Headers(headers),
          signal,
        });
        return fetch(url, init);
      },
    });
    Object.assign(context, { api, app: await serve(proxy) });
    return async () => {
      await context.app.stop();
      await api.stop();
      await database.remove();
    };
  });

  beforeEach(() => {
    vi.stubGlobal("location", new URL(context.app.url)); // As in a page.
    Object.assign(context, { asked: [], errors: [] });
  });
  afterEach(() => void vi.unstubAllGlobals());

  async function ask(path: string, { user = "ada", ...init }: RequestInit & { user?: string } = {}) {
    const headers = { cookie: `session=${user}`, ...init.headers };
    const response = await fetch(context.app.url + MOUNT + path, { ...init, headers });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: JSON.parse(text) };
  }

  const post = (path: string, body: unknown, headers = {}, user = "ada") =>
    ask(path, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
      user,
    });

  return Object.assign(context, { ask, post });
}
