export { createScriptedEngine, type Script, type ScriptedEngine } from "./scripted-engine.ts";
export { startTestApi, type TestApi } from "./test-api.ts";
