import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { freePort } from "./postgres-server.ts";
import { until } from "./until.ts";

export const MONITORING = fileURLToPath(new URL("../../../../deploy/monitoring", import.meta.url));

/** Whether Debian's package `prometheus` is there. */
export const hasPrometheus = () =>
  ["prometheus", "promtool"].every((name) => spawnSync(name, ["--version"]).status === 0);

/** @throws with what it does not like */
export const promtool = (...args: string[]): string => execFileSync("promtool", args, { encoding: "utf8" });

interface Sample {
  metric: Record<string, string>;
  /** When, and how much. */
  value: [number, string];
}

interface Rule {
  name: string;
  query: string;
  annotations: Record<string, string>;
  health: string;
}

export interface Prometheus {
  /** @throws with what it does not like of the expression */
  query(expression: string): Promise<Sample[]>;
  rules(): Promise<Rule[]>;
}

/** Our configuration as it is, but for the address, the token, and how often it looks. */
export async function copyMonitoring(target: string, token: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "avatar-prometheus-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(MONITORING, folder, { recursive: true });
  await writeFile(join(folder, "metrics-token"), token);
  const file = join(folder, "prometheus.yml");
  const config = await readFile(file, "utf8");
  await writeFile(
    file,
    config.replace("127.0.0.1:8787", target).replaceAll("_interval: 15s", "_interval: 1s"),
  );
  return folder;
}

/** A real one, which ends with the test. */
export async function startPrometheus(folder: string): Promise<Prometheus> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(
    "prometheus",
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let output = "";
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const exited = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await until("Prometheus is ready", async () => {
    if (child.exitCode !== null) throw new Error(`Prometheus ended: ${output}`);
    return fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    );
  });
  // biome-ignore lint/suspicious/noExplicitAny: the answers have many shapes
  const ask = async (path: string): Promise<any> => {
    const answer = await fetch(`${url}/api/v1/${path}`);
    const { status, data, error } = (await answer.json()) as Record<string, unknown>;
    if (status !== "success") throw new Error(`${path}: ${error}`);
    return data;
  };
  return {
    async query(expression) {
      const { resultType, result } = await ask(`query?query=${encodeURIComponent(expression)}`);
      if (resultType !== "vector") throw new Error(`${expression} is a ${resultType}`);
      return result;
    },
    async rules() {
      const { groups } = await ask("rules?type=alert");
      return groups.flatMap(({ rules }: { rules: Rule[] }) => rules);
    },
  };
}

export interface Panel {
  dashboard: string;
  title: string;
  expression: string;
}

/** Every expression of every dashboard, as Grafana would ask for five minutes of it. */
export async function readPanels(): Promise<Panel[]> {
  const folder = join(MONITORING, "grafana/dashboards");
  const dashboards = await Promise.all(
    (await readdir(folder)).map(async (name) => JSON.parse(await readFile(join(folder, name), "utf8"))),
  );
  return dashboards.flatMap((dashboard) =>
    dashboard.panels.flatMap((panel: { title: string; targets: { expr: string }[] }) =>
      panel.targets.map(({ expr }) => ({
        dashboard: dashboard.title,
        title: panel.title,
        expression: expr.replaceAll("$__rate_interval", "1m").replaceAll("$__range", "5m"),
      })),
    ),
  );
}
