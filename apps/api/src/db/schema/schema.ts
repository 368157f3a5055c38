export * from "./api-keys.ts";
export * from "./jobs.ts";
export * from "./keep-alives.ts";
export * from "./runs.ts";
export * from "./uploads.ts";
