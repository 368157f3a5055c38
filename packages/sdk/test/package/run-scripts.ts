import { execFileSync } from "node:child_process";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { InstalledPackage } from "./install-package.ts";

/** Files of the package that no entry loads before they are needed. */
const CHUNKS = ["check", "download", "parts", "raw", "watch"];

/** Files that are good at first sight, one of them large; then a refusal. */
const WITHOUT_CHUNKS = `
  const answers = {
    "POST /v1/uploads": { id: "upload_1", method: "PUT", url: "http://store/x", headers: {}, expiresAt: 0 },
    "PUT /x": {},
    "POST /v1/jobs": { id: "job_1", version: 1, status: "succeeded", video: { expiresAt: 0 } },
  };
  const fetch = async (url, { method }) => Response.json(answers[method + " " + new URL(url).pathname]);
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: "http://api", fetch, onEvent() {} });
  const audio = new Blob(["OggS", new Uint8Array(65 * 1024 * 1024)]);
  const jpeg = Uint8Array.of(0xff, 0xd8, 0xff);
  if ((await avatar.generate({ image: jpeg, audio })).jobId !== "job_1") throw 1;
  const { error } = await avatar.generate({ image: new Blob(["GIF89a"]), audio }).settled();
  if (error?.code !== "unsupported_image") throw error ?? 2;`;

/** Across the entries: tests of the sources do not see how they are built. */
const EVERY_ENTRY = `
  if (!new Avatar().jobs || !AvatarError.is(new AvatarError({ code: "x", detail: "" })) || !file || !useGeneration) throw 1;
  await createAvatarTrpcClient({ baseUrl: "nowhere" }).limits.get.query({}).then(
    () => { throw 3 }, (error) => { if (!(toAvatarError(error) instanceof AvatarError)) throw error; });
  await file("none")().then(() => { throw 2 }, (error) => { if (!(error instanceof AvatarError)) throw error; });
  const fake = fakeAvatar();
  const proxy = createProxy({ ...fake, authorize: () => "ada" });
  const input = { image: "https://a.test/b.png", audio: "https://a.test/c.wav" };
  const asked = proxy(new Request("https://a.test/v1/limits"));
  const [made, answered] = await Promise.all([new Avatar(fake).generate(input), asked]);
  if ((await made.blob()).size !== made.bytes || answered.status !== 200) throw 4;`;

const IMPORTS = {
  "@avatar/client": ["Avatar", "AvatarError"],
  "@avatar/client/node": ["file"],
  "@avatar/client/react": ["useGeneration"],
  "@avatar/client/trpc": ["createAvatarTrpcClient", "toAvatarError"],
  "@avatar/client/proxy": ["createProxy"],
  "@avatar/client/testing": ["fakeAvatar"],
};

/** What binds the client to them is not for everybody. */
export function importWithoutPeers({ folder }: InstalledPackage) {
  run(folder, "alone", { "@avatar/client": [], "@avatar/client/node": [] }, "");
}

export function importEveryEntry({ folder }: InstalledPackage) {
  run(folder, "every-entry", IMPORTS, EVERY_ENTRY);
  console.log("runs: import and require");
}

/** A page that is open for long may ask for files that a new release has replaced. */
export function runWithoutChunks({ folder, installed }: InstalledPackage) {
  const dist = join(installed, "dist");
  for (const name of readdirSync(dist))
    if (CHUNKS.includes(name.split(".")[0] ?? "")) rmSync(join(dist, name));
  run(folder, "without-chunks", { "@avatar/client": ["Avatar"] }, WITHOUT_CHUNKS);
  console.log("generates: without what is loaded when it is needed");
}

/** Both ways. */
function run(folder: string, name: string, imports: Record<string, string[]>, body: string) {
  const lines = Object.entries(imports);
  const esm = lines.map(([from, names]) => `import { ${names} } from "${from}";`);
  const cjs = lines.map(([from, names]) => `const { ${names} } = require("${from}");`);
  writeFileSync(join(folder, `${name}.mjs`), `${esm.join("\n")} ${body}`);
  writeFileSync(join(folder, `${name}.cjs`), `${cjs.join("\n")} (async () => { ${body} })();`);
  for (const script of [`${name}.mjs`, `${name}.cjs`])
    execFileSync(process.execPath, [join(folder, script)], { cwd: folder, stdio: "inherit" });
}
