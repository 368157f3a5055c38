import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../errors.ts";
import { StartError } from "../start-error.ts";
import type { SignedGet, SignedPut } from "./object-store.ts";

const SIGNATURE = "&signature=";
const MAX_TAGS = 10_000;

interface Verified {
  key: string;
  /** The same for all links of one owner. Undefined for what is no customer's. */
  of: string | undefined;
}

/**
 * Signs `<key>?<query>` as raw text, so that nothing about it can change: not a character, not the order of
 * the parameters, not the case of an escape.
 */
export function createLinkSigner({ secret, now }: { secret: Uint8Array | string; now: () => Date }) {
  const hmac = (method: string, target: string) =>
    createHmac("sha256", secret).update(`${method}\n${target}`).digest("hex");

  function sign(method: string, key: string, expiresAt: Date, parameters: Record<string, string>): string {
    // URLSearchParams escapes all that URL parsers would rewrite, for example an apostrophe.
    const query = new URLSearchParams({ expires: String(expiresAt.getTime()), ...parameters });
    const target = `${key}?${query}`;
    return target + SIGNATURE + hmac(method, target);
  }

  function verify(method: string, link: string): { key: string; expiresAt: Date; query: URLSearchParams } {
    const end = link.lastIndexOf(SIGNATURE);
    const target = link.slice(0, Math.max(end, 0));
    const given = Buffer.from(link.slice(end + SIGNATURE.length));
    const expected = Buffer.from(hmac(method, target));
    if (end < 0 || given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new AppError("link_invalid", { detail: "The link's signature does not match." });
    }
    const start = target.indexOf("?");
    const query = new URLSearchParams(target.slice(start + 1));
    const expiresAt = new Date(Number(query.get("expires")));
    if (now() >= expiresAt) throw new AppError("link_invalid", { detail: "The link has expired." });
    return { key: target.slice(0, start), expiresAt, query };
  }

  const tags = new Map<string, string>();
  function tagOf(owner: string): string {
    const tag = tags.get(owner) ?? hmac("OWNER", owner).slice(0, 16);
    if (tags.size >= MAX_TAGS) tags.clear();
    tags.set(owner, tag);
    return tag;
  }
  const ofOwner = (owner: string | undefined) => (owner === undefined ? {} : { of: tagOf(owner) });

  return {
    /** Tells owners apart, and nothing more of them: what their links are `of`. */
    tagOf,

    signGet: (key: string, { expiresAt, contentType, fileName, owner }: SignedGet) =>
      sign("GET", key, expiresAt, { type: contentType, name: fileName, ...ofOwner(owner) }),

    signPut: (key: string, { expiresAt, contentType, bytes, sha256, once, owner }: SignedPut) =>
      sign("PUT", key, expiresAt, {
        type: contentType,
        ...(bytes !== undefined && { bytes: String(bytes) }),
        ...(sha256 !== undefined && { sha256 }),
        ...(once && { once: "" }),
        ...ofOwner(owner),
      }),

    /** `link` is what follows `/objects/` in the URL, as it came. @throws AppError `link_invalid` */
    verifyGet(link: string): Omit<SignedGet, "owner"> & Verified {
      const { key, expiresAt, query } = verify("GET", link);
      return {
        key,
        of: query.get("of") ?? undefined,
        expiresAt,
        contentType: query.get("type") ?? "",
        fileName: query.get("name") ?? "",
      };
    },

    /** As `verifyGet`. */
    verifyPut(link: string): Omit<SignedPut, "owner"> & Verified {
      const { key, expiresAt, query } = verify("PUT", link);
      const bytes = query.get("bytes");
      return {
        key,
        of: query.get("of") ?? undefined,
        expiresAt,
        contentType: query.get("type") ?? "",
        bytes: bytes === null ? undefined : Number(bytes),
        sha256: query.get("sha256") ?? undefined,
        once: query.has("once"),
      };
    },
  };
}

const SECRET_BYTES = 32;

/** The secret in `<directory>/signing-secret`, made by the first who asks. */
export async function loadSigningSecret(directory: string): Promise<Uint8Array> {
  const path = join(directory, "signing-secret");
  const temporary = `${path}.${randomBytes(8).toString("hex")}`;
  await mkdir(directory, { recursive: true });
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(randomBytes(SECRET_BYTES));
    await file.sync();
    // Unlike an open with "wx", a link appears with its bytes or not at all: no one reads half a secret.
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
  const secret = await readFile(path);
  if (secret.length !== SECRET_BYTES)
    throw new StartError(
      `${path} must hold ${SECRET_BYTES} bytes. Remove it to get a new one; links made so far will die.`,
    );
  return secret;
}
