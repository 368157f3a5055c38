/** Proves the built package on every runtime, and with every TypeScript: `pnpm build && pnpm prove`. */
import { compileConsumers } from "./compile-consumers.ts";
import { installPackage, installPeers } from "./install-package.ts";
import { RUNTIMES, runOn } from "./runtimes.ts";

const installed = installPackage();
try {
  await runOn(RUNTIMES, installed);
  installPeers(installed.folder);
  for (const version of ["5.7.3", "6.0.3", "7.0.2"]) {
    console.log(`TypeScript ${version}`);
    compileConsumers(installed, ["npx", "-y", "-p", `typescript@${version}`, "tsc"]);
  }
} finally {
  installed.remove();
}
