import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { expect, inject, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { jobs } from "../../src/db/schema/schema.ts";

test("replicas that start at once on an empty database bring it up to date, one after the other", async () => {
  const name = `empty_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  onTestFinished(async () => {
    await admin.unsafe(`drop database ${name} with (force)`);
    await admin.end();
  });
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  const replicas = await Promise.all(Array.from({ length: 4 }, () => openDatabase({ url: url.href })));
  onTestFinished(async () => void (await Promise.all(replicas.map(({ close }) => close()))));
  for (const { db } of replicas) expect(await db.select().from(jobs)).toEqual([]);
});
