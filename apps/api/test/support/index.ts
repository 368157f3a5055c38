export { hasPythonWorker } from "@avatar/fake-runpod";
export type { Router } from "../../src/trpc/router.ts";
export { createUrlOpener } from "../../src/uploads/open-url.ts";
export { type RunPodApi, startRunPodApi } from "./runpod.ts";
export { createScriptedEngine, type Script, type ScriptedEngine } from "./scripted-engine.ts";
export { isProof, SEED, seededRandom } from "./seeded-random.ts";
export { type SmallInternet, startSmallInternet } from "./small-internet.ts";
export { startTestApi, type TestApi } from "./test-api.ts";
export { createTestDatabase, type TestDatabase } from "./test-database.ts";
