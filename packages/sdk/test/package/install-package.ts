import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = createRequire(import.meta.url);

export const root = fileURLToPath(new URL("../..", import.meta.url));

export interface InstalledPackage {
  /** A project that depends on the package. */
  folder: string;
  /** The package within it. */
  installed: string;
  unpackedBytes: number;
  dependencies: string[];
  remove(): void;
}

/** Packs what was built, and installs it where nothing of this repository is near. */
export function installPackage(): InstalledPackage {
  const folder = mkdtempSync(join(tmpdir(), "avatar-package-"));
  const installed = join(folder, "node_modules/@avatar/client");
  const npm = (cwd: string, ...args: string[]) =>
    execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const [packed] = JSON.parse(npm(root, "pack", "--json", "--ignore-scripts", "--pack-destination", folder));
  // Offline: what has no dependencies needs no registry.
  npm(folder, "install", "--offline", "--no-audit", "--no-fund", `./${packed.filename}`);
  const {
    dependencies = {},
    peerDependencies = {},
    peerDependenciesMeta = {},
  } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8"));
  const required = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  return {
    folder,
    installed,
    unpackedBytes: packed.unpackedSize,
    dependencies: [...required, ...Object.keys(dependencies)],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What some entries bind the client to. */
export function installPeers(folder: string) {
  for (const name of ["@trpc/client", "@trpc/server", "@types/node", "@types/react", "react"]) {
    const target = join(folder, "node_modules", name);
    mkdirSync(dirname(target), { recursive: true });
    symlinkSync(dirname(here.resolve(`${name}/package.json`)), target);
  }
}
