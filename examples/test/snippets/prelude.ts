/** What the pages' programs take for granted: `node --import prelude.ts block.ts`. */
import { readFileSync } from "node:fs";
import { Avatar, AvatarError } from "@avatar/client";
import { makeChildKey } from "../../child-key.ts";

const childKey: string = JSON.parse(await makeChildKey()).key;

const image = new Blob([readFileSync("portrait.png")]);
const audio = new Blob([readFileSync("speech.wav")]);
const avatar = new Avatar();

const form = new FormData();
form.set("image", image);
form.set("audio", audio);

Object.assign(globalThis, {
  Avatar,
  AvatarError,
  avatar,
  image,
  audio,
  recordings: [audio],
  form,
  /** As in a page, whose server has a proxy. */
  location: { origin: process.env.PAGE_ORIGIN },
  sessionOf: async () => ({ userId: "ada" }),
  childKey,
  /** A key of a child would not see the jobs of its parent. */
  shortLivedKey: async () => process.env.AVATAR_API_KEY,
});

// For those who take one for granted: it costs a video.
const program = readFileSync(process.argv[1] as string, "utf8");
if (program.includes("generation.") && !program.includes("const generation")) {
  const generation = avatar.generate({ image, audio });
  await generation.id;
  Object.assign(globalThis, { generation });
}
