import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createLinkSigner, loadSigningSecret } from "./signed-links.ts";

let now = new Date("2026-01-01T00:00:00Z");
const expiresAt = new Date("2026-01-01T01:00:00Z");
const signer = createLinkSigner({ secret: "secret", now: () => now });
const get = { expiresAt, contentType: "video/mp4", fileName: "it's a (test) & more.mp4" };
const put = { expiresAt, once: true, contentType: "image/png", bytes: 1234, sha256: "ab".repeat(32) };

test("a link gives back what was signed", () => {
  expect(signer.verifyGet(signer.signGet("videos/job_1/run_1.mp4", get))).toEqual({
    key: "videos/job_1/run_1.mp4",
    ...get,
  });
  expect(signer.verifyPut(signer.signPut("uploads/upl_1", put))).toEqual({ key: "uploads/upl_1", ...put });
});

test("a URL parser leaves a link as it is", () => {
  const link = signer.signGet("videos/job_1/run_1.mp4", get);
  expect(new URL(`http://localhost/objects/${link}`).href).toBe(`http://localhost/objects/${link}`);
});

test.each([
  ["GET", signer.signGet("videos/job_1/run_1.mp4", get), signer.verifyGet],
  ["PUT", signer.signPut("uploads/upl_1", put), signer.verifyPut],
])("every changed, missing or added character makes a %s link invalid", (_method, link, verify) => {
  for (let at = 0; at <= link.length; at++) {
    const other = link[at] === "0" ? "1" : "0";
    const swappedCase =
      link[at] === link[at]?.toLowerCase() ? link[at]?.toUpperCase() : link[at]?.toLowerCase();
    const changed = [
      link.slice(0, at) + other + link.slice(at + 1),
      link.slice(0, at) + swappedCase + link.slice(at + 1),
      link.slice(0, at) + link.slice(at + 1),
      link.slice(0, at) + other + link.slice(at),
    ];
    for (const mutant of changed.filter((text) => text !== link)) {
      expect(() => verify(mutant), mutant).toThrow(expect.objectContaining({ code: "link_invalid" }));
    }
  }
});

test.each([
  "",
  "?",
  "uploads/upl_1",
  "&signature=",
  `uploads/upl_1?expires=9999999999999&signature=${"0".repeat(64)}`,
])("%o is no link", (link) => {
  expect(() => signer.verifyGet(link)).toThrow(expect.objectContaining({ code: "link_invalid" }));
});

test("a link for one method is not one for the other", () => {
  expect(() => signer.verifyPut(signer.signGet("uploads/upl_1", get))).toThrow("signature");
  expect(() => signer.verifyGet(signer.signPut("uploads/upl_1", put))).toThrow("signature");
});

test("another secret signs other links", () => {
  const other = createLinkSigner({ secret: "another", now: () => now });
  expect(() => signer.verifyGet(other.signGet("uploads/upl_1", get))).toThrow("signature");
});

test("a link is dead at the moment it expires", () => {
  const link = signer.signGet("uploads/upl_1", get);
  now = new Date(expiresAt.getTime() - 1);
  expect(signer.verifyGet(link).key).toBe("uploads/upl_1");
  now = expiresAt;
  expect(() => signer.verifyGet(link)).toThrow("The link has expired.");
});

test("all who ask for the secret at once get the same one, which only the owner may read", async () => {
  const parent = await mkdtemp(join(tmpdir(), "avatar-secret-"));
  onTestFinished(() => rm(parent, { recursive: true }));
  const directory = join(parent, "data");
  const secrets = await Promise.all(Array.from({ length: 20 }, () => loadSigningSecret(directory)));
  expect(new Set(secrets.map((secret) => Buffer.from(secret).toString("hex"))).size).toBe(1);
  expect(secrets[0]).toHaveLength(32);
  expect(await loadSigningSecret(directory)).toEqual(secrets[0]);
  expect(await readdir(directory)).toEqual(["signing-secret"]);
  expect((await stat(join(directory, "signing-secret"))).mode & 0o777).toBe(0o600);
});
