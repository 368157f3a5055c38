import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { OURS, type Peer } from "./peers.ts";

const clients = fileURLToPath(new URL("clients/", import.meta.url));
const sdk = fileURLToPath(new URL("../../", import.meta.url));

const FILE_BYTES = 300_000_000;

/** @returns a folder with the peers, our built package, the programs that use them, and a large file */
export function install(peers: readonly Peer[]): { folder: string; versions: Record<string, string> } {
  const folder = mkdtempSync(join(tmpdir(), "avatar-peers-"));
  cpSync(clients, folder, { recursive: true });
  const npm = (...args: string[]) => execFileSync("npm", args, { cwd: sdk, encoding: "utf8" });
  const [packed] = JSON.parse(npm("pack", "--json", "--ignore-scripts", "--pack-destination", folder));
  const { dependencies } = readJson(join(clients, "package.json"));
  const known: Record<string, string> = { ...dependencies, [OURS]: `file:${packed.filename}` };
  const wanted = Object.fromEntries(peers.map(({ name }) => [name, known[name]]));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true, dependencies: wanted }));
  npm("install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error");
  writeRecording(join(folder, "speech.wav"));
  const versionOf = (name: string) => readJson(join(folder, "node_modules", name, "package.json")).version;
  return { folder, versions: Object.fromEntries(Object.keys(wanted).map((name) => [name, versionOf(name)])) };
}

const readJson = (path: string) => JSON.parse(readFileSync(path, "utf8"));

/** Silence as a WAV, whose header ours reads before it sends the file. */
function writeRecording(path: string): void {
  const header = Buffer.alloc(44);
  header.write("RIFF");
  header.writeUInt32LE(FILE_BYTES - 8, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  // PCM, one channel, 8,000 samples a second of 2 bytes each.
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36);
  header.writeUInt32LE(FILE_BYTES - header.length, 40);
  writeFileSync(path, header);
  truncateSync(path, FILE_BYTES);
}
