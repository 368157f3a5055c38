import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ERRORS } from "@avatar/contract/errors";
import Fastify from "fastify";
import { AppError } from "../../src/errors.ts";
import { objectRoutes } from "../../src/http/object-routes.ts";
import { createDiskObjectStore } from "../../src/storage/disk-object-store.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { createR2ObjectStore } from "../../src/storage/r2-object-store.ts";
import { startFakeS3 } from "./fake-s3.ts";
import { startMoto } from "./moto.ts";

/** A store, with a server behind its links. */
export interface StoreSubject {
  store: ObjectStore;
  /** By which links expire, where the server looks at that at all. */
  clock: { now: Date };
  /** Files on their way into the store that are still on this machine. */
  leftovers(): Promise<string[]>;
  /** From then on nothing is reached. */
  breakDown(): Promise<void>;
  stop(): Promise<void>;
}

const newDirectory = () => mkdtemp(join(tmpdir(), "avatar-store-"));
const filesOnTheWay = (directory: string) => () => readdir(join(directory, "incoming"));

export async function openDisk(): Promise<StoreSubject> {
  const directory = await newDirectory();
  const clock = { now: new Date() };
  let url = "";
  const store = createDiskObjectStore({
    directory,
    publicUrl: () => url,
    signingSecret: "secret",
    now: () => clock.now,
  });
  await store.start();
  const app = Fastify();
  app.setErrorHandler((error, _request, reply) => {
    const code = error instanceof AppError ? error.code : "internal";
    return reply.code(ERRORS[code].status).send({ code });
  });
  await app.register(objectRoutes, { store, shareLoad() {} });
  url = await app.listen({ port: 0, host: "127.0.0.1" });
  return {
    store,
    clock,
    leftovers: filesOnTheWay(directory),
    breakDown: () => rm(directory, { recursive: true }),
    async stop() {
      await app.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function openFake(): Promise<StoreSubject> {
  const clock = { now: new Date() };
  const s3 = await startFakeS3({ linksNow: () => clock.now });
  return openBucket(s3, clock, s3.down, s3.stop);
}

export async function openMoto(): Promise<StoreSubject> {
  const moto = await startMoto();
  let isStopped = false;
  const stop = async () => {
    if (!isStopped) await moto.stop();
    isStopped = true;
  };
  return openBucket(moto.config, { now: new Date() }, stop, stop);
}

async function openBucket(
  config: Parameters<typeof createR2ObjectStore>[0]["config"],
  clock: { now: Date },
  breakDown: () => Promise<void>,
  stopServer: () => Promise<void>,
): Promise<StoreSubject> {
  const directory = await newDirectory();
  const store = createR2ObjectStore({ config, directory, now: () => clock.now });
  await store.start();
  return {
    store,
    clock,
    leftovers: filesOnTheWay(directory),
    breakDown,
    async stop() {
      await store.stop();
      await stopServer();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
