import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Context, say } from "./support/context.ts";
import { startDatabase } from "./support/database.ts";
import { type Line, showMs } from "./support/line.ts";
import { rssOf } from "./support/processes.ts";
import { median } from "./support/quantile.ts";
import { startAvatar, startPeer } from "./support/servers.ts";

/** When what a start leaves behind is collected. */
const IDLE_MS = 5000;

/** P7 and P8: from the start of the process to the first good answer, and what it holds when nobody calls. */
export async function measureStart(context: Context): Promise<Line[]> {
  return [...(await withPostgres(context)), ...(await embedded(context))];
}

async function withPostgres({ directory, rounds, peerFolder }: Context): Promise<Line[]> {
  const database = await startDatabase(directory, "postgres-start");
  const options = { dataDir: join(directory, "data-start"), databaseUrl: database.url, holds: false };
  try {
    await (await startAvatar(options)).kill(); // Makes the tables.
    const [ours, theirs, idle]: [number[], number[], number[]] = [[], [], []];
    for (let round = 1; round <= rounds; round++) {
      const avatar = await startAvatar(options);
      await delay(IDLE_MS);
      ours.push(avatar.startMs);
      idle.push(rssOf(avatar.pid));
      await avatar.kill();
      if (peerFolder !== undefined) {
        const peer = await startPeer(peerFolder);
        theirs.push(peer.startMs);
        await peer.kill();
      }
      say(
        `round ${round} start: avatar ${showMs(ours.at(-1) ?? 0)} ms, ${((idle.at(-1) ?? 0) / 1e6).toFixed(0)} MB idle, ` +
          `FastAPI ${showMs(theirs.at(-1) ?? Number.NaN)} ms`,
      );
    }
    const ratio = median(ours.map((ms, round) => ms / (theirs[round] ?? Number.NaN)));
    const idleMb = median(idle) / 1e6;
    const start: Line =
      theirs.length === 0
        ? { name: "P7 start", value: `${showMs(median(ours))} ms` }
        : {
            name: "P7 start",
            value: `${ratio.toFixed(2)}x`,
            aim: "≤ 0.7x",
            isMet: ratio <= 0.7,
            note: `${showMs(median(ours))} ms with Postgres; FastAPI ${showMs(median(theirs))} ms`,
          };
    return [
      { ...start, figures: { avatarMs: ours, fastapiMs: theirs } },
      {
        name: "P8 idle",
        value: `${idleMb.toFixed(0)} MB`,
        aim: "≤ 120 MB",
        isMet: idleMb <= 120,
        note: "with Postgres",
        figures: { bytes: idle },
      },
    ];
  } finally {
    await database.stop();
  }
}

async function embedded({ directory, rounds }: Context): Promise<Line[]> {
  const dataDir = join(directory, "data-embedded");
  const [first, reopened]: [number[], number[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    await rm(dataDir, { recursive: true, force: true });
    for (const times of [first, reopened]) {
      const server = await startAvatar({ dataDir, holds: false });
      times.push(server.startMs);
      await server.kill();
    }
    say(
      `round ${round} embedded: first ${showMs(first.at(-1) ?? 0)} ms, again ${showMs(reopened.at(-1) ?? 0)} ms`,
    );
  }
  const line = (name: string, times: number[], maxMs: number): Line => ({
    name,
    value: `${(median(times) / 1000).toFixed(2)} s`,
    aim: `≤ ${maxMs / 1000} s`,
    isMet: median(times) <= maxMs,
    figures: { ms: times },
  });
  return [line("P7 embedded, first ever", first, 5000), line("P7 embedded, again", reopened, 1500)];
}
