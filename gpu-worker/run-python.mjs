// Runs the checks of this package in a virtual environment of its own, so that `pnpm test` needs nothing but a Python.
// `install` only makes the environment.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const folder = import.meta.dirname;
const venv = join(folder, ".venv");
const bin = (name) => join(venv, process.platform === "win32" ? "Scripts" : "bin", name);

const CHECK =
  "import sys, venv, ensurepip, ctypes, ssl; print(*sys.version_info[:2], sep='.'); sys.exit(sys.version_info < (3, 10))";

/** The first Python >= 3.10 that can make virtual environments, or undefined. */
function findPython() {
  const names = [
    process.env.PYTHON,
    "python3",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python",
  ];
  return names.filter(Boolean).find((name) => spawnSync(name, ["-c", CHECK]).status === 0);
}

function run(command, args, options) {
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Makes the environment anew when the lock has changed. */
function install(python) {
  const lock = readFileSync(join(folder, "requirements.lock"));
  const stamp = join(venv, "lock.sha256");
  const digest = createHash("sha256").update(lock).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  rmSync(venv, { recursive: true, force: true });
  run(python, ["-m", "venv", venv]);
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  // The lock is complete. Were pip to resolve what it holds, an extra of a pinned package would draw in that package's
  // newest version, and the install would break on the day of its release.
  run(bin("python"), [...pip, "--no-deps", "--require-hashes", "-r", "requirements.lock"]);
  // Its build tool comes from the lock, too.
  run(bin("python"), [...pip, "--no-deps", "--no-build-isolation", "--editable", "."]);
  writeFileSync(stamp, digest);
}

const python = findPython();
if (!python) {
  console.log("SKIPPED: gpu-worker needs Python 3.10 or newer with venv; set PYTHON to one.");
} else {
  install(python);
  if (process.argv[2] === "install") process.exit();
  run(bin("ruff"), ["check", "--quiet", "."]);
  run(bin("ruff"), ["format", "--check", "--quiet", "."]);
  run(bin("mypy"), ["--no-error-summary"]);
  run(bin("python"), [
    "-m",
    "pytest",
    "--quiet",
    "--numprocesses=2",
    "--cov",
    "--cov-report=term:skip-covered",
    ...process.argv.slice(2),
  ]);
}
