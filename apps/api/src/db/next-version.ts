import { sql } from "drizzle-orm";
import { jobs } from "./schema/schema.ts";

/** Every change of a job that customers can see counts its version up. */
export const nextVersion = sql`${jobs.version} + 1`;
