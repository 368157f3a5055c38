import { and, eq, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { uploads } from "../db/schema/schema.ts";

export type UploadRow = typeof uploads.$inferSelect;
export type NewUploadRow = typeof uploads.$inferInsert;
export type UploadRepository = ReturnType<typeof createUploadRepository>;

export function createUploadRepository(db: Db) {
  const findStatement = db
    .select()
    .from(uploads)
    .where(and(eq(uploads.id, sql.placeholder("id")), eq(uploads.owner, sql.placeholder("owner"))))
    .prepare("find_upload");

  return {
    /** Also finds uploads whose object is deleted: a repeated request is recognised by them. */
    async find(owner: string, id: string): Promise<UploadRow | undefined> {
      const [row] = await findStatement.execute({ id, owner });
      return row;
    },

    async insert(row: NewUploadRow): Promise<UploadRow> {
      const [inserted] = await db.insert(uploads).values(row).returning();
      if (!inserted) throw new Error("an insert returned no row");
      return inserted;
    },

    async set(id: string, changes: Partial<NewUploadRow>): Promise<void> {
      await db.update(uploads).set(changes).where(eq(uploads.id, id));
    },

    async remove(id: string): Promise<void> {
      await db.delete(uploads).where(eq(uploads.id, id));
    },
  };
}
