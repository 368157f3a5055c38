import { and, asc, eq, inArray, isNull } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { uploads } from "../db/schema/schema.ts";
import { AppError } from "../errors.ts";

export type UploadRow = typeof uploads.$inferSelect;
export type UploadRepository = ReturnType<typeof createUploadRepository>;

/** Nobody deletes these uploads until the transaction ends. @throws AppError `upload_not_found` */
export async function keepUploads(tx: Db, ids: string[]): Promise<void> {
  const kept = await tx
    .select({ id: uploads.id })
    .from(uploads)
    .where(and(inArray(uploads.id, ids), isNull(uploads.deletedAt)))
    .orderBy(asc(uploads.id))
    .for("share");
  const gone = ids.find((id) => !kept.some((row) => row.id === id));
  if (gone !== undefined) throw uploadNotFound(gone);
}

export const uploadNotFound = (id: string) =>
  new AppError("upload_not_found", { detail: `There is no upload ${id}, or it has expired.` });

export function createUploadRepository(db: Db) {
  return {
    /** Also finds uploads whose object is deleted: a repeated request is recognised by them. */
    async find(owner: string, id: string): Promise<UploadRow | undefined> {
      const [row] = await db
        .select()
        .from(uploads)
        .where(and(eq(uploads.id, id), eq(uploads.owner, owner)));
      return row;
    },

    async insert(row: typeof uploads.$inferInsert): Promise<UploadRow> {
      const [inserted] = await db.insert(uploads).values(row).returning();
      if (!inserted) throw new Error("an insert returned no row");
      return inserted;
    },

    async setReceived(id: string, bytes: number, sha256: string): Promise<void> {
      await db.update(uploads).set({ bytes, sha256 }).where(eq(uploads.id, id));
    },

    async remove(id: string): Promise<void> {
      await db.delete(uploads).where(eq(uploads.id, id));
    },
  };
}
