import { execFileSync } from "node:child_process";
import { lstat, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { file, saveTo } from "../src/node.ts";
import { errorOf, files, png, useFakeApi, wav } from "./support/use-fake-api.ts";

const given = useFakeApi();
let folder = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "avatar-client-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("file() sends a file from disk, by path or by file URL", async () => {
  const [image, audio] = [join(folder, "portrait"), join(folder, "speech")];
  await writeFile(image, await png().bytes());
  await writeFile(audio, await wav().bytes());
  await given.avatar.generate({ image: file(image), audio: file(pathToFileURL(audio)) });
  expect([...given.api.uploads.values()].map((bytes) => bytes?.length)).toEqual([72, 76]);
});

test("file() of something that is no file rejects with file_not_found", async () => {
  for (const path of [join(folder, "none.png"), folder]) {
    const { error } = await given.avatar.generate({ image: file(path), audio: wav() }).settled();
    expect(error).toMatchObject({ code: "file_not_found", detail: `There is no readable file ${path}.` });
  }
  expect(given.api.requests).toEqual([]);
});

test("saveTo writes the video under its name and leaves nothing else", async () => {
  const { api, avatar } = given;
  const path = join(folder, "talking.mp4");
  const saved = await saveTo(await avatar.generate(files()), path);
  expect(saved).toEqual({ path, bytes: api.video.length });
  expect(await readFile(path)).toEqual(api.video);
  expect(await readdir(folder)).toEqual(["talking.mp4"]);
});

test("saveTo goes on where a download broke", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.fail("GET /videos/:id", { cutAt: 10 }, { cutAt: 3 });
  await saveTo(video, pathToFileURL(join(folder, "talking.mp4")));
  const ranges = api.seen("GET /videos/:id").map(({ headers }) => headers.range);
  expect(ranges).toEqual([undefined, "bytes=10-", "bytes=13-"]);
  expect(await readFile(join(folder, "talking.mp4"))).toEqual(api.video);
});

test("saveTo fetches wrong bytes again, all of them", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  const body = api.video.toString("latin1").replace("film", "FILM");
  api.fail("GET /videos/:id", { status: 200, body }, { status: 200, body });
  await saveTo(video, join(folder, "talking.mp4"));
  expect(api.count("GET /videos/:id")).toBe(3);
  expect(await readFile(join(folder, "talking.mp4"))).toEqual(api.video);
});

test("saveTo of wrong bytes rejects and leaves no file", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.video = Buffer.from("another video");
  expect(await errorOf(saveTo(video, join(folder, "talking.mp4")))).toMatchObject({
    code: "download_mismatch",
    jobId: "job_1",
  });
  expect(await readdir(folder)).toEqual([]);
});

test("saveTo into a folder that does not exist rejects", async () => {
  const video = await given.avatar.generate(files());
  expect(await errorOf(saveTo(video, join(folder, "none", "x.mp4")))).toMatchObject({ code: "ENOENT" });
});

test("saveTo takes the place of nothing that is no file", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  const error = await errorOf(saveTo(await given.avatar.generate(files()), pipe));
  expect(error).toMatchObject({ code: "invalid_input" });
  expect((await lstat(pipe)).isFIFO()).toBe(true);
});
