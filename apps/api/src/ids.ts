import { randomUUID } from "node:crypto";

export type IdPrefix = "job" | "run" | "upload" | "key" | "req" | "api";

/** For example `job_0f8c…`: 122 random bits. */
export type NewId = (prefix: IdPrefix) => string;

export const newId: NewId = (prefix) => `${prefix}_${randomUUID().replaceAll("-", "")}`;
