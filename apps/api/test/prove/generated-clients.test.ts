import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startChildApi } from "../support/child-api.ts";
import { TEST_KEY } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { installPython, run, temporaryFolder } from "./programs.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const MEDIA = at("../../../../examples/media");
const timeout = 10 * 60_000;

/** @returns what a program needs to make a video, and where the document is */
async function startApi() {
  const database = await createTestDatabase("postgres", "disk");
  onTestFinished(database.remove);
  const { url } = await startChildApi({ database });
  const folder = await temporaryFolder();
  const document = join(folder, "openapi.json");
  await writeFile(document, await (await fetch(`${url}/openapi.json`)).text());
  const files = { image: `${MEDIA}/portrait.png`, audio: `${MEDIA}/speech-3s.wav` };
  const env = {
    AVATAR_BASE_URL: url,
    AVATAR_API_KEY: TEST_KEY,
    ...files,
    IMAGE: files.image,
    AUDIO: files.audio,
  };
  return { folder, document, env };
}

test("a Python client that is generated from the document makes a video", { timeout }, async () => {
  const { folder, document, env } = await startApi();
  const programs = await installPython("openapi-python-client==0.29.1");
  const output = join(folder, "client");
  await run(`${programs}/openapi-python-client`, ["generate", "--path", document, "--output-path", output]);
  const said = await run(`${programs}/python`, [at("clients/job.py")], { ...env, PYTHONPATH: output });
  expect(said).toMatch(/^a video of \d+ bytes\n$/);
});

test("a Go client that is generated from the document makes a video", { timeout }, async () => {
  const { folder, document, env } = await startApi();
  await mkdir(join(folder, "avatar"));
  await copyFile(at("clients/job.go.txt"), join(folder, "main.go"));
  await writeFile(join(folder, "go.mod"), "module avatar\n\ngo 1.22\n");
  const generator = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2";
  const options = ["-generate", "types,client", "-package", "avatar"];
  await run("go", ["run", generator, ...options, "-o", "avatar/client.go", document], {}, folder);
  await run("go", ["mod", "tidy"], {}, folder);
  expect(await run("go", ["run", "."], env, folder)).toMatch(/^a video of \d+ bytes\n$/);
});
