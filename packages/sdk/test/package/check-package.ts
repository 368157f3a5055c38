/** Proves the built package from the outside: `pnpm build && pnpm check:package`. */
import { compileConsumers } from "./compile-consumers.ts";
import { installPackage, installPeers } from "./install-package.ts";
import { check, measureBundles } from "./measure-bundles.ts";
import { importEveryEntry, importWithoutPeers, runWithoutChunks } from "./run-scripts.ts";
import { installedRuntimes, runOn } from "./runtimes.ts";

/** Two thirds of it are source maps. */
const UNPACKED_BYTES = 930_000;

const installed = installPackage();
try {
  check("unpacked size", installed.unpackedBytes, UNPACKED_BYTES);
  check("runtime dependencies", installed.dependencies.length, 0);
  importWithoutPeers(installed);
  installPeers(installed.folder);
  compileConsumers(installed);
  importEveryEntry(installed);
  await runOn(installedRuntimes(), installed);
  measureBundles(installed.folder);
  runWithoutChunks(installed);
} finally {
  installed.remove();
}
