/**
 * Ours and other clients before the same server: `pnpm run bench:peers`. Prints two tables, or with `--json` one document
 * with every outcome behind them. Fails when ours does not keep a promise.
 */
import { rmSync } from "node:fs";
import { parseArgs } from "node:util";
import { CASE_NAMES, CASES, type Case, type CaseName, canPlay } from "./cases.ts";
import { install } from "./install.ts";
import { OURS, PEERS, type Peer } from "./peers.ts";
import { type Outcome, play } from "./play.ts";
import { brokenPromises, cellsOf, markdown, type Outcomes } from "./table.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    /** Some of the packages, with commas. */
    only: { type: "string", default: PEERS.map(({ name }) => name).join() },
    /** How often what takes time is measured; the median counts. */
    rounds: { type: "string", default: "3" },
    /** How many clients run at once: nearly all of what they do is to wait. */
    "at-once": { type: "string", default: "2" },
  },
});

interface Turn {
  peer: Peer;
  name: CaseName;
  outcomes: Outcome[];
}

const names = values.only.split(",");
const peers = PEERS.filter(({ name }) => names.includes(name));
if (peers.length === 0) throw new Error(`there is no ${values.only}`);
const results = new Map<Peer, Outcomes>(peers.map((peer) => [peer, {}]));
const turns: Turn[] = [];
for (let round = 0; round < Number(values.rounds); round++)
  for (const name of CASE_NAMES)
    for (const [peer, outcomes] of results) {
      if (!canPlay(peer, name) || (round > 0 && !(CASES[name] as Case).isTimed)) continue;
      outcomes[name] ??= [];
      turns.push({ peer, name, outcomes: outcomes[name] });
    }

const { folder, versions } = install(peers);
try {
  const isLarge = ({ name }: Turn) => name === "upload";
  await playAll(
    turns.filter((turn) => !isLarge(turn)),
    Number(values["at-once"]),
  );
  await playAll(turns.filter(isLarge), 1);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rows = peers.map((peer) => {
  const outcomes = results.get(peer) ?? {};
  const name = `${peer.name} ${versions[peer.name]} \`${peer.call}\``;
  return { name, cells: cellsOf(outcomes, peer), outcomes };
});
console.log(values.json ? JSON.stringify({ node: process.version, rows }, undefined, 2) : markdown(rows));

const ours = peers.find(({ name }) => name === OURS);
const broken = ours ? brokenPromises(results.get(ours) ?? {}) : [];
for (const title of broken) console.error(`${OURS} misses: ${title}`);
process.exitCode = broken.length > 0 ? 1 : 0;

/** In the order that is given, some at once. */
async function playAll(queue: Turn[], atOnce: number): Promise<void> {
  // All players share it, so each takes the next turn that is left.
  const left = queue.values();
  async function next() {
    for (const { peer, name, outcomes } of left) {
      const outcome = await play(peer, name, folder);
      outcomes.push(outcome);
      console.error(`${peer.client} ${name}: ${outcome.ended}`);
    }
  }
  await Promise.all(Array.from({ length: atOnce }, next));
}
