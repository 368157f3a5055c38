import { spawnSync } from "node:child_process";

/** Pseudo terminals come from Python, since Node has none. */
export const hasPython =
  spawnSync("python3", ["-c", "import pty, os; os.waitstatus_to_exitcode"]).status === 0;
