import { randomBytes } from "node:crypto";

export type IdPrefix = "job" | "run" | "upload" | "key" | "req" | "api";

/** For example `job_0f8c…`: 128 random bits. */
export type NewId = (prefix: IdPrefix) => string;

export const newId: NewId = (prefix) => `${prefix}_${randomBytes(16).toString("hex")}`;
