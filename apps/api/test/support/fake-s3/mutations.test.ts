import { Agent } from "node:http";
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { expect, test } from "vitest";
import { type RawOptions, sendTarget, startS3AndClient } from "./test-client.ts";

const AT_ONCE = 16;
// With what links spell in percent signs: a space, umlauts, a plus.
const KEY = "videos/job 1/über+a.mp4";

/** Of what comes after the host: every position, with each of several others in its place. */
function mutationsOf(target: string): string[] {
  const hex = (code: number) => `%${code.toString(16).padStart(2, "0")}`;
  const mutated = [...target].flatMap((character, at) => {
    const code = character.charCodeAt(0);
    const others = [
      ..."aZ07/%&=+?#.-~;",
      "",
      character.repeat(2),
      character.toUpperCase(),
      character.toLowerCase(),
      String.fromCharCode(code + 1),
      String.fromCharCode(code ^ 1),
      hex(code),
      hex(code).toUpperCase(),
      hex(code + 1),
      hex(code ^ 0x20),
    ];
    return others.map((other) => target.slice(0, at) + other + target.slice(at + 1));
  });
  return [...new Set(mutated)].filter((each) => each !== target);
}

/** What it says once it is decoded, or undefined where it says nothing. */
function meaningOf(target: string): string | undefined {
  const [, path, query] = /^(\/[^?]*)\?(.*)$/.exec(target) ?? [];
  if (path === undefined || query === undefined) return undefined;
  try {
    const parameters = query.split("&").map((part) => {
      const [name = "", ...value] = part.replaceAll("+", " ").split("=");
      return [decodeURIComponent(name), decodeURIComponent(value.join("="))];
    });
    return JSON.stringify([decodeURIComponent(path), parameters]);
  } catch {
    return undefined;
  }
}

function mutate(url: string) {
  const { origin } = new URL(url);
  const target = url.slice(origin.length);
  const { same = [], other = [] } = Object.groupBy(mutationsOf(target), (each) =>
    meaningOf(each) === meaningOf(target) ? "same" : "other",
  );
  // What means the same differs in its percent signs alone.
  expect(same.filter((each) => decodeURIComponent(each) !== decodeURIComponent(target))).toEqual([]);
  return { origin, same, other };
}

/** @returns those that were let in. */
async function sendAll(origin: string, targets: readonly string[], options: RawOptions): Promise<string[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const accepted: string[] = [];
  const left = targets.values();
  const sendSome = async () => {
    for (const target of left) {
      const { status } = await sendTarget(origin, target, { ...options, agent });
      if (status < 400) accepted.push(target);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sendSome));
  agent.destroy();
  return accepted.toSorted();
}

test("a link to get is worth nothing once a character is another", { timeout: 120_000 }, async () => {
  const { s3, client } = await startS3AndClient();
  const at = { Bucket: s3.bucket, Key: KEY };
  await client.send(new PutObjectCommand({ ...at, Body: "a video" }));
  const url = await getSignedUrl(client, new GetObjectCommand(at), { expiresIn: 21_600 });
  const { origin, same, other } = mutate(url);
  expect(other.length).toBeGreaterThan(7000);
  expect(await sendAll(origin, other, {})).toEqual([]);
  // One for each character that could be written in percent signs, one for each digit of those.
  expect(same.length).toBeGreaterThan(300);
  expect(await sendAll(origin, same, {})).toEqual(same.toSorted());
});

test("a link to put is worth nothing once a character is another", { timeout: 120_000 }, async () => {
  const { s3, client } = await startS3AndClient();
  const put = new PutObjectCommand({
    Bucket: s3.bucket,
    Key: KEY,
    ContentType: "video/mp4",
    ContentLength: 7,
  });
  const url = await getSignedUrl(client, put, {
    expiresIn: 21_600,
    signableHeaders: new Set(["host", "content-type", "content-length"]),
  });
  const headers = { "content-type": "video/mp4", "content-length": "7" };
  const options = { method: "PUT", headers, body: "a video" };
  const { origin, same, other } = mutate(url);
  expect(other.length).toBeGreaterThan(7000);
  expect(await sendAll(origin, other, options)).toEqual([]);
  expect(s3.objects.size).toBe(0);
  expect(await sendAll(origin, same, options)).toEqual(same.toSorted());
  expect([...s3.objects.keys()]).toEqual([KEY]);
});
