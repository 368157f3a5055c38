import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PORTRAIT, SPEECH } from "./support/run-avatar.ts";
import { useApi } from "./support/use-api.ts";

const given = useApi();
const offline = { env: { AVATAR_BASE_URL: "", AVATAR_API_KEY: "" } };

test("check finds nothing wrong with good files, without an API or a key", async () => {
  const run = await given.run(["check", PORTRAIT, SPEECH], offline);
  expect(run).toMatchObject({ code: 0, stdout: "Nothing is wrong with the files.\n", stderr: "" });
  const json = await given.run(["check", PORTRAIT, SPEECH, "--json"], offline);
  expect(json.stdout).toBe('{"issues":[]}\n');
});

test("check tells what is wrong with each file", async () => {
  await writeFile(join(given.cwd, "notes.txt"), "Buy milk, and more of it.");
  const { code, stdout, stderr } = await given.run(["check", SPEECH, "notes.txt"], offline);
  expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
  expect(stderr).toContain("  image: The image is audio/wav. Name the portrait first, then the recording.\n");
  expect(stderr).toContain(
    "  audio: The audio is in an unknown format. Send WAV, MP3, M4A/AAC, OGG/Opus or FLAC.\n",
  );
  const json = await given.run(["check", SPEECH, "notes.txt", "--json"], offline);
  expect(JSON.parse(json.stderr).error).toMatchObject({
    exitCode: 4,
    issues: [
      { path: "image", code: "media_type_mismatch" },
      { path: "audio", code: "unsupported_audio" },
    ],
  });
});

test("estimate tells what a video would cost, and makes no job", async () => {
  const { code, stdout, stderr } = await given.run(["estimate", PORTRAIT, SPEECH, "--aspect", "9:16"]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/^Uploading/);
  expect(stdout).toMatch(
    /^length +3\.0 s\ncost +up to \$[\d.]+, .+ of a GPU\nqueue +next in line\nready +not known yet\n/,
  );
  const json = await given.run(["estimate", PORTRAIT, SPEECH, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ audioSeconds: 2.99, position: 1, cold: false });
  expect(await given.newestJob()).toBeUndefined();
});

test("usage tells of days, jobs and what is left", async () => {
  const { body } = await given.api.rest("POST", "/v1/keys", {
    owner: "acme",
    name: "acme",
    limits: { jobsInFlight: 3 },
  });
  const env = { AVATAR_API_KEY: body.key };
  const args = ["usage", "--from", "2026-11-01", "--to", "2026-11-30"];
  expect((await given.run(args, { env })).stdout.trimEnd().split("\n")).toEqual([
    "days    2026-11-01 to 2026-11-30",
    "jobs    0 made, 0 succeeded, 0 failed, 0 canceled",
    "videos  0 s in all",
    "cost    $0.0000, 0 s of a GPU",
    "left    3 of 3 unfinished jobs",
  ]);
  const json = await given.run([...args, "--json"], { env });
  expect(JSON.parse(json.stdout)).toMatchObject({ from: "2026-11-01", totals: { jobs: 0 } });
  expect((await given.run(["usage", "--from", "soon"], { env })).code).toBe(2);
});
