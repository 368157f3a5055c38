import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestApi, type TestApi } from "@avatar/api/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect } from "vitest";
import { type Ended, PORTRAIT, type RunOptions, runAvatar, SPEECH, startAvatar } from "./run-avatar.ts";

/** What a second of the engine costs, so that budgets can be used up. */
const PRICE_USD = 0.01;

/** The real API with an engine that does what it is told, and an empty folder for each test. */
export function useApi() {
  const given = {} as { api: TestApi; cwd: string };

  beforeAll(async () => {
    given.api = await startTestApi({ gpuPricePerSecond: PRICE_USD });
  });
  afterAll(() => given.api.stop());
  beforeEach(async () => {
    given.cwd = await mkdtemp(join(tmpdir(), "avatar-cli-"));
  });
  afterEach(async () => {
    given.api.engine.scripts = [];
    await rm(given.cwd, { recursive: true });
  });

  const options = ({ env, ...rest }: RunOptions): RunOptions => ({
    cwd: given.cwd,
    ...rest,
    env: { AVATAR_BASE_URL: given.api.url, AVATAR_API_KEY: given.api.apiKey, ...env },
  });
  return {
    get api() {
      return given.api;
    },
    get cwd() {
      return given.cwd;
    },
    run: (args: readonly string[], more: RunOptions = {}): Promise<Ended> => runAvatar(args, options(more)),
    start: (args: readonly string[], more: RunOptions = {}) => startAvatar(args, options(more)),
    /** The next run goes on until the returned function is called. */
    hold() {
      let release = () => {};
      const hold = new Promise<void>((resolve) => {
        release = resolve;
      });
      given.api.engine.scripts.push({ hold });
      return release;
    },
    async job(id: string) {
      const { status, body } = await given.api.rest("GET", `/v1/jobs/${id}`);
      expect(status).toBe(200);
      return body;
    },
    async newestJob() {
      const { body } = await given.api.rest("GET", "/v1/jobs?limit=1");
      return body.items[0];
    },
    /** A job that is as good as new, by the same key. */
    async createJob(): Promise<string> {
      const { body } = await given.api.rest("POST", "/v1/jobs", await given.api.uploadFixtures());
      return body.id;
    },
  };
}

export const GENERATE = ["generate", PORTRAIT, SPEECH, "-o", "out.mp4"];
