import { createHash } from "node:crypto";
import type { RequestListener } from "node:http";
import type { ErrorCode } from "@avatar/contract/errors";
import { createUrlOpener } from "../../../src/uploads/open-url.ts";
import { createBreakableDatabase } from "../breakable-database.ts";
import type { RestAnswer } from "../rest.ts";
import { insertJob, insertKey } from "../rows.ts";
import { startSmallInternet } from "../small-internet.ts";
import { startTestApi, type TestApi } from "../test-api.ts";
import { createTestDatabase, databaseKind } from "../test-database.ts";

/** An API that renders nothing, and all that can go wrong around it. */
export interface World {
  api: TestApi;
  database: ReturnType<typeof createBreakableDatabase>;
  /** Of another owner. */
  theirs: { key: string; job: string; upload: string };
  /** What no answer may hold. */
  secrets: string[];
  stop(): Promise<void>;
}

/** Makes a request that is answered with the code. @returns that answer, of the REST door where there are two */
export type Producer = (world: World) => Promise<RestAnswer>;
export type Producers = Partial<Record<ErrorCode, Producer>>;

const ADDRESS = "93.184.215.14";

/** Servers that customers name. */
const SERVERS: Record<string, RequestListener> = {
  "/circle": (_request, response) => response.writeHead(302, { location: "/circle" }).end(),
  "/gone": (_request, response) => response.writeHead(404).end(),
  "/silent": () => {},
};

export async function startWorld(): Promise<World> {
  const internet = await startSmallInternet({ publicAddresses: [ADDRESS], certified: ["files.test"] });
  internet.zone.set("files.test", [[ADDRESS]]);
  internet.answer((request, response) => SERVERS[request.url?.split("?")[0] ?? ""]?.(request, response));
  const { resolve, dial, ca } = internet;
  const open = createUrlOpener({ resolve, dial, ca });
  const openHastily = createUrlOpener({ resolve, dial, ca, timeLimits: { answerMs: 300 } });

  const database = createBreakableDatabase();
  // A bucket answers its links itself, a disk does not: then these codes are ours.
  const files = await createTestDatabase(databaseKind, "disk");
  const api = await startTestApi({
    database: files,
    openDatabase: database.open,
    openUrl: (url, options) => (url.includes("/silent") ? openHastily : open)(url, options),
    dispatcher: { maxRunsInFlight: 0 },
    gpuPricePerSecond: 0.001,
  });
  const theirs = await ofAnotherOwner(api);
  return {
    api,
    database,
    theirs,
    secrets: [
      api.apiKey,
      createHash("sha256").update(api.apiKey).digest("hex"),
      files.dataDir,
      ...Object.values(theirs),
    ],
    async stop() {
      await api.stop();
      await files.remove();
      await internet.stop();
    },
  };
}

async function ofAnotherOwner(api: TestApi) {
  const key = await insertKey(api, "owner_other");
  const declared = { contentType: "image/png", bytes: 100 };
  const upload = await api.rest("POST", "/v1/uploads", declared, { authorization: `Bearer ${key}` });
  const job = await insertJob(api, { owner: "owner_other", status: "succeeded" });
  return { key, job: job.id, upload: upload.body.id };
}
