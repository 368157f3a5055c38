import { createHash, randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installMoto } from "../../test/support/moto.ts";
import { openDisk, openFake, openMoto, type StoreSubject } from "../../test/support/store-subjects.ts";
import { ObjectNotFound, ObjectTooLarge, type SignedLink, StorageUnavailable } from "./object-store.ts";

interface Kind {
  name: string;
  open: () => Promise<StoreSubject>;
  /** What its server does not check. */
  deviations: readonly Deviation[];
}

type Deviation = "one of many wins" | "links expire" | "links bind headers" | "links bind the sha256";

const whyNoMoto = await installMoto();

const KINDS: Kind[] = [
  { name: "disk", open: openDisk, deviations: [] },
  { name: "our fake of R2", open: openFake, deviations: [] },
  // It checks no signature, so nothing that is in one, and compares no body with its checksum. Its threads look
  // whether there is an object and store one in two steps, so that sometimes two win.
  {
    name: "moto",
    open: openMoto,
    deviations: ["one of many wins", "links expire", "links bind headers", "links bind the sha256"],
  },
];

const contentType = "audio/wav";
async function* chunks(...bodies: (Buffer | string)[]) {
  for (const body of bodies) yield Buffer.from(body);
}
const put = async ({ url, headers }: SignedLink, body: Buffer) => {
  const answer = await fetch(url, { method: "PUT", headers, body });
  await answer.arrayBuffer();
  return answer.status;
};
const isRefusal = (status: number) => status >= 400 && status < 500;
const PART = 5 * 1024 * 1024;

if (whyNoMoto) test.skip(`NOT RUN on moto, the second S3 server: ${whyNoMoto}`, () => {});

describe.each(KINDS.filter(({ name }) => !(name === "moto" && whyNoMoto)))(
  "$name",
  ({ open, deviations }) => {
    let subject: StoreSubject;
    let count = 0;
    const newKey = () => `uploads/upl_${++count}`;
    const inAnHour = () => new Date(subject.clock.now.getTime() + 3_600_000);
    const once = (body: Buffer) => ({
      contentType,
      bytes: body.length,
      sha256: createHash("sha256").update(body).digest("hex"),
      once: true,
      expiresAt: inAnHour(),
    });
    const getLink = (key: string) =>
      subject.store.signGet(key, { contentType, fileName: "a.wav", expiresAt: inAnHour() });
    const read = async (key: string, range?: { start: number; end: number }) =>
      buffer(await subject.store.read(key, range));
    const unless = (deviation: Deviation) => test.skipIf(deviations.includes(deviation));

    beforeAll(async () => {
      subject = await open();
    });
    afterAll(() => subject.stop());

    test("an object comes back as it was put, whole or in part", async () => {
      const [key, body] = [newKey(), randomBytes(100_000)];
      const sha256 = createHash("sha256").update(body).digest("hex");
      const halves = chunks(body.subarray(0, 7), body.subarray(7));
      expect(await subject.store.put(key, halves, { contentType })).toEqual({ bytes: 100_000, sha256 });
      expect((await read(key)).equals(body)).toBe(true);
      expect((await read(key, { start: 5, end: 90 })).equals(body.subarray(5, 90))).toBe(true);
      expect(await read(key, { start: 5, end: 5 })).toHaveLength(0);
      expect(await subject.store.head(key)).toMatchObject({
        bytes: 100_000,
        etag: expect.stringMatching(/^".+"$/),
      });
      expect(await subject.leftovers()).toEqual([]);
    });

    test("an empty object is an object", async () => {
      const key = newKey();
      expect(await subject.store.put(key, chunks(), { contentType })).toMatchObject({ bytes: 0 });
      expect(await subject.store.head(key)).toMatchObject({ bytes: 0 });
      expect(await read(key)).toHaveLength(0);
    });

    test("a second put replaces the first", async () => {
      const key = newKey();
      await subject.store.put(key, chunks("first"), { contentType });
      const before = await subject.store.head(key);
      await subject.store.put(key, chunks("other"), { contentType });
      expect((await read(key)).toString()).toBe("other");
      expect((await subject.store.head(key))?.etag).not.toBe(before?.etag);
    });

    test("what is missing has no facts and cannot be read", async () => {
      expect(await subject.store.head("uploads/missing")).toBeUndefined();
      await expect(read("uploads/missing")).rejects.toThrow(ObjectNotFound);
      await expect(read("uploads/missing", { start: 0, end: 1 })).rejects.toThrow(ObjectNotFound);
    });

    test("what is too large leaves nothing", async () => {
      const key = newKey();
      const tooLarge = subject.store.put(key, chunks("12345", "6"), { contentType, maxBytes: 5 });
      await expect(tooLarge).rejects.toThrow(ObjectTooLarge);
      expect(await subject.store.head(key)).toBeUndefined();
      expect(await subject.leftovers()).toEqual([]);
    });

    test("a body that fails leaves nothing, and its own error is thrown", async () => {
      const key = newKey();
      async function* failing() {
        yield Buffer.from("half");
        throw new Error("the sender left");
      }
      await expect(subject.store.put(key, failing(), { contentType })).rejects.toThrow("the sender left");
      expect(await subject.store.head(key)).toBeUndefined();
      expect(await subject.leftovers()).toEqual([]);
    });

    unless("one of many wins")("putNew writes once, and says when there is something", async () => {
      const key = newKey();
      const contents = [Buffer.from("first"), Buffer.from("second")];
      const written = [];
      for (const content of contents)
        written.push(await subject.store.putNew(key, content, "application/json"));
      expect(written).toEqual([true, false]);
      expect((await subject.store.head(key))?.bytes).toBe(5);
    });

    test("1,500 keys are deleted at once, those that are missing too", async () => {
      const existing = [newKey(), newKey()];
      for (const key of existing) await subject.store.put(key, chunks("x"), { contentType });
      const missing = Array.from({ length: 1498 }, (_, i) => `uploads/missing_${i}`);
      const [first = "", last = ""] = existing;
      expect(await subject.store.delete([first, ...missing, last])).toEqual([]);
      expect(await subject.store.head(first)).toBeUndefined();
      expect(await subject.store.head(last)).toBeUndefined();
      expect(await subject.store.delete([])).toEqual([]);
    });

    test("what came through one link leaves through another", async () => {
      const [key, body] = [newKey(), randomBytes(1000)];
      expect(await put(await subject.store.signPut(key, once(body)), body)).toBe(200);
      const link = await getLink(key);
      const answer = await fetch(link);
      expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true);
      expect(answer.headers.get("content-type")).toBe(contentType);
      expect(answer.headers.get("content-disposition")).toBe('attachment; filename="a.wav"');
      const part = await fetch(link, { headers: { range: "bytes=990-" } });
      expect(part.status).toBe(206);
      expect(Buffer.from(await part.arrayBuffer()).equals(body.subarray(990))).toBe(true);
    });

    test("a link for one object takes no second one", async () => {
      const [key, body] = [newKey(), randomBytes(10)];
      const link = await subject.store.signPut(key, once(body));
      expect(await put(link, body)).toBe(200);
      expect(await put(link, body)).toBe(412);
    });

    unless("one of many wins")("of 20 objects at once for one link, one is taken", async () => {
      const [key, body] = [newKey(), randomBytes(1000)];
      const link = await subject.store.signPut(key, once(body));
      const statuses = await Promise.all(Array.from({ length: 20 }, () => put(link, body)));
      expect(statuses.filter((status) => status === 200)).toHaveLength(1);
      expect((await read(key)).equals(body)).toBe(true);
    });

    unless("links bind the sha256")("a link refuses other bytes than it is for", async () => {
      const [key, body] = [newKey(), randomBytes(10)];
      const link = await subject.store.signPut(key, once(body));
      expect(await put(link, randomBytes(10))).toSatisfy(isRefusal);
      expect(await subject.store.head(key)).toBeUndefined();
    });

    unless("links bind headers")("a link refuses another length, and to go without its headers", async () => {
      const [key, body] = [newKey(), randomBytes(10)];
      const link = await subject.store.signPut(key, once(body));
      expect(await put(link, body.subarray(1))).toSatisfy(isRefusal);
      expect(await put({ ...link, headers: {} }, body)).toSatisfy(isRefusal);
      expect(await subject.store.head(key)).toBeUndefined();
    });

    unless("links expire")("links end when they said", async () => {
      const [key, body] = [newKey(), randomBytes(10)];
      const [signedPut, signedGet] = [await subject.store.signPut(key, once(body)), await getLink(key)];
      subject.clock.now = inAnHour();
      expect(await put(signedPut, body)).toSatisfy(isRefusal);
      expect((await fetch(signedGet)).status).toSatisfy(isRefusal);
      expect(await subject.store.head(key)).toBeUndefined();
    });

    describe("in parts", () => {
      const body = randomBytes(PART + 100);
      const parts = [body.subarray(0, PART), body.subarray(PART)];
      const sizes = parts.map(({ length }) => length);
      async function begin() {
        const key = newKey();
        const { token, links } = await subject.store.signParts(key, {
          contentType,
          bytes: sizes,
          expiresAt: inAnHour(),
        });
        const send = async (index: number) => {
          const [link, part] = [links[index], parts[index]];
          expect(link && part && (await put(link, part))).toBe(200);
        };
        return { key, token, send, join: () => subject.store.joinParts(key, token, sizes) };
      }

      test("parts become one object once all are there, however often they are joined", async () => {
        const { key, send, join } = await begin();
        expect(await join()).toBe(false);
        await send(1);
        expect(await join()).toBe(false);
        expect(await subject.store.head(key)).toBeUndefined();
        await send(0);
        expect(await join()).toBe(true);
        expect((await read(key)).equals(body)).toBe(true);
        expect(await join()).toBe(true);
      });

      test("parts of other sizes are not joined", async () => {
        const { key, token, send } = await begin();
        await send(0);
        await send(1);
        expect(await subject.store.joinParts(key, token, [PART, 99])).toBe(false);
        expect(await subject.store.head(key)).toBeUndefined();
        await subject.store.dropParts(key, token);
      });

      test("of two that join at the same time both succeed", async () => {
        const { key, send, join } = await begin();
        await send(0);
        await send(1);
        expect(await Promise.all([join(), join()])).toEqual([true, true]);
        expect((await read(key)).equals(body)).toBe(true);
      });

      test("dropped parts are gone, and to drop them again is fine", async () => {
        const { key, token, send, join } = await begin();
        await send(0);
        await send(1);
        await subject.store.dropParts(key, token);
        await subject.store.dropParts(key, token);
        expect(await join()).toBe(false);
        expect(await subject.store.head(key)).toBeUndefined();
      });
    });

    test("a store that is not there is unavailable, and not an object that is missing", async () => {
      await subject.breakDown();
      const put = subject.store.put(newKey(), chunks("x"), { contentType });
      await expect(put).rejects.toThrow(StorageUnavailable);
    });
  },
);
