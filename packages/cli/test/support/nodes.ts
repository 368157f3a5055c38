import { execFileSync } from "node:child_process";
import { delimiter } from "node:path";

/** The Node that runs the tests, and the machine's own where that is another version. */
export const NODES: readonly (readonly [version: string, path: string])[] = [
  [process.version, process.execPath],
  ...machinesNode(),
];

function machinesNode(): [string, string][] {
  const path = (process.env.PATH ?? "").split(delimiter).filter((folder) => !folder.includes("node_modules"));
  try {
    const tell = "JSON.stringify([process.version, process.execPath])";
    const told = execFileSync("node", ["-p", tell], {
      encoding: "utf8",
      env: { PATH: path.join(delimiter) },
    });
    const [version, program]: [string, string] = JSON.parse(told);
    const isAnother = version !== process.version && Number.parseInt(version.slice(1), 10) >= 20;
    return isAnother ? [[version, program]] : [];
  } catch {
    return []; // There is none.
  }
}
