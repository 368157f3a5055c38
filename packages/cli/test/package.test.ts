import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { builtinModules } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NODES } from "./support/nodes.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
let folder: string;
let files: string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "avatar-cli-package-"));
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const [packed] = JSON.parse(execFileSync("npm", pack, { cwd: root, encoding: "utf8" }));
  files = packed.files.map(({ path }: { path: string }) => path).sort();
  execFileSync("tar", ["-xzf", join(folder, packed.filename), "--strip-components=1", "-C", folder]);
});
afterAll(() => rmSync(folder, { recursive: true }));

test("the package is one file of code that needs nothing but Node", () => {
  expect(files).toEqual(["LICENSE", "README.md", "dist/avatar.js", "package.json"]);
  const { bin, dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  expect(bin).toEqual({ avatar: "./dist/avatar.js" });
  expect(dependencies).toBeUndefined();
  const code = readFileSync(join(folder, "dist/avatar.js"), "utf8");
  expect(code.split("\n")[0]).toBe("#!/usr/bin/env node");
  const imported = [...code.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, name = ""]) => name);
  expect(imported.length).toBeGreaterThan(0);
  for (const name of imported) expect(builtinModules).toContain(name.replace("node:", ""));
});

test.each(NODES)("it runs on Node %s", (_, node) => {
  const program = join(folder, "dist/avatar.js");
  const help = execFileSync(node, [program, "--help"], { encoding: "utf8", env: {} });
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  const codes = [...help.matchAll(/^ +(\d+) {2}(.+)$/gm)];
  expect(codes).toHaveLength(11);
  for (const [, code, meaning] of codes) expect(readme).toContain(`| ${code} | ${meaning} |`);
});
