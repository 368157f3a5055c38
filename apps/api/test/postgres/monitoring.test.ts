import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ERRORS } from "@avatar/contract/errors";
import { JOB_ERROR_CODES } from "@avatar/contract/job-errors";
import { describe, expect, onTestFinished, test } from "vitest";
import { createBreakableDatabase } from "../support/breakable-database.ts";
import { startChildApi } from "../support/child-api.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { makeKey } from "../support/keys.ts";
import { startOwnPostgres } from "../support/own-postgres.ts";
import {
  copyMonitoring,
  hasPrometheus,
  MONITORING,
  type Prometheus,
  promtool,
  readPanels,
  startPrometheus,
} from "../support/prometheus.ts";
import { untilEnded } from "../support/queue.ts";
import { aJobRow, insertJob } from "../support/rows.ts";
import { claimRun, type RunInput, startRunPodApi, uploadVideo, workersThat } from "../support/runpod.ts";
import { createScriptedEngine } from "../support/scripted-engine.ts";
import { METRICS_TOKEN, type TestApi } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const LONG = 120_000;
const DOCS = new URL("../../../../docs/monitoring.md", import.meta.url);
const database = createBreakableDatabase();

/** What becomes of a job, by its seed. */
const SEEDS = { succeeds: 1, isRefused: 2, fails: 3 };

async function work(input: unknown) {
  const run = input as RunInput & { seed: number };
  expect(await claimRun(run, "runpod_1")).toBe(true);
  const failed = (code: string, retryable: boolean) => ({
    error: JSON.stringify({ v: 1, code, detail: "It failed.", retryable }),
  });
  if (run.seed === SEEDS.isRefused) return failed("unsupported_image", false);
  if (run.seed === SEEDS.fails) return failed("render_failed", true);
  await uploadVideo(run);
  return { output: { ok: true } };
}

const startApi = () =>
  startRunPodApi({
    runpod: { ...workersThat(work), queueDelayMs: 200 },
    api: {
      openDatabase: database.open,
      createEngine: createScriptedEngine, // For test keys.
      runpod: { pollMs: 50 },
      config: { budget: { usdPerDay: 100, usdPerMonth: 1000, warnShares: [0.000_001] } },
    },
  });

/** Some of all that happens: jobs of every end, refusals, errors of customers, and of ours. */
async function useApi(api: TestApi): Promise<void> {
  const files = await api.uploadFixtures();
  for (const seed of Object.values(SEEDS)) {
    const { body } = await api.rest("POST", "/v1/jobs", { ...files, seed });
    await untilEnded(api, body.id, seed === SEEDS.succeeds ? "succeeded" : "failed");
    await api.rest("GET", `/v1/jobs/${body.id}?wait=1`);
  }
  const { rest } = await makeKey(api, { mode: "test" });
  const { body } = await rest("POST", "/v1/jobs", await uploadFixtures(rest));
  await untilEnded(api, body.id, "succeeded");
  const { id } = await insertJob(api, aJobRow({ deadlineAt: new Date(Date.now() + 3_600_000) }));
  await api.rest("POST", `/v1/jobs/${id}/cancel`);
  const limited = await makeKey(api, { limits: { requestsPerMinute: 1 } });
  for (const status of [200, 429]) expect((await limited.rest("GET", "/v1/jobs")).status).toBe(status);
  expect((await api.rest("GET", "/v1/jobs/none")).status).toBe(404);
  await database.whileDown(async () => {
    expect((await api.rest("GET", "/v1/jobs/none")).status).toBe(503);
  });
}

/** Looks until every expression has a number for an answer. @returns those that have none */
async function unanswered<T>(prometheus: Prometheus, asked: T[], expressionOf: (each: T) => string) {
  let left = asked;
  const look = async () => {
    const answers = await Promise.all(left.map((each) => prometheus.query(expressionOf(each))));
    left = left.filter((_, index) => !answers[index]?.some(({ value }) => Number.isFinite(Number(value[1]))));
    return left.length === 0;
  };
  await until("all are answered", look).catch(() => {}); // What is left says more.
  return left;
}

/** The series that an alert looks at, with all their labels, and any values of these. */
const selectorsIn = (query: string) =>
  [...query.matchAll(/\b((?:avatar|nodejs|process)_[a-z0-9_]+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, name, matchers = ""]) => `${name}{${matchers.replaceAll(/(\w+)(?:=~|!~|!=|=)"[^"]*"/g, '$1!=""')}}`,
  );

/** Of our metrics: name, type, labels and meaning. */
async function readMetrics(api: TestApi): Promise<string[][]> {
  const lines = await api.metrics("# HELP avatar_", "# TYPE avatar_", "avatar_");
  const words = lines.map((line) => line.split(" "));
  const labelsOf = (name: string) => {
    const sample = lines.find((line) => new RegExp(`^${name}(_bucket)?\\{`).test(line)) ?? "";
    return [...sample.matchAll(/(\w+)="/g)]
      .map(([, label]) => `\`${label}\``)
      .filter((label) => label !== "`le`");
  };
  const typeOf = (name = "") => words.find(([, kind, of]) => kind === "TYPE" && of === name)?.[3] ?? "";
  return words
    .filter(([, kind]) => kind === "HELP")
    .map(([, , name = "", ...help]) => [
      `\`${name}\``,
      typeOf(name),
      labelsOf(name).join(", ") || "–",
      help.join(" "),
    ]);
}

describe.runIf(hasPrometheus())("with Prometheus", () => {
  test("promtool likes our configuration and our alerts", async () => {
    const folder = await copyMonitoring("127.0.0.1:8787", METRICS_TOKEN);
    expect(promtool("check", "config", join(folder, "prometheus.yml"))).toContain("SUCCESS");
  });

  test("every alert fires when it should, and not before", async () => {
    const folder = join(MONITORING, "alerts/tests");
    const files = (await readdir(folder)).map((name) => join(folder, name));
    promtool("test", "rules", ...files);
    const tested = (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
    const rules = await readAlerts();
    for (const name of rules.matchAll(/- alert: (\w+)/g)) expect(tested).toContain(`alertname="${name[1]}"`);
  });

  test(
    "a real one finds all that dashboards and alerts ask for, and that the docs tell of",
    async () => {
      const { api } = await startApi();
      const prometheus = await startPrometheus(await copyMonitoring(new URL(api.url).host, METRICS_TOKEN));
      await useApi(api);
      const seen = "avatar_errors_total";
      expect(await unanswered(prometheus, [seen], (name) => name)).toEqual([]);
      // Only now do counters rise before its eyes.
      await useApi(api);

      const panels = await readPanels();
      expect(panels.length).toBeGreaterThan(40);
      expect(await unanswered(prometheus, panels, ({ expression }) => expression)).toEqual([]);

      const rules = await prometheus.rules();
      expect(rules.filter(({ health }) => health !== "ok")).toEqual([]);
      const selectors = new Set(rules.flatMap(({ query }) => selectorsIn(query)));
      expect(selectors.size).toBeGreaterThan(rules.length);
      expect(await unanswered(prometheus, [...selectors], (selector) => `count(${selector})`)).toEqual([]);

      const docs = await readFile(DOCS, "utf8");
      const rows = [...docs.matchAll(/^\| (`avatar_\w+`) \| (\w+) \| ([^|]*) \| (\w+) \| ([^|]*) \|$/gm)];
      expect(rows.map(([, name, type, labels, , meaning]) => [name, type, labels, meaning])).toEqual(
        await readMetrics(api),
      );
    },
    LONG,
  );
});

describe.runIf(hasPrometheus())("an outage of Postgres", () => {
  test(
    "F4: raises its alert and shows in the dashboards, and its end takes both back",
    async () => {
      const server = await startOwnPostgres();
      const shared = await createTestDatabase("postgres");
      onTestFinished(shared.remove);
      const api = await startChildApi({
        database: { ...shared, config: { url: server.url } },
        child: { engine: "succeed" },
        env: { METRICS_TOKEN, LOG_LEVEL: "silent" },
      });
      const folder = await copyMonitoring(new URL(api.url).host, METRICS_TOKEN);
      const alerts = join(folder, "alerts/service.yml");
      await writeFile(alerts, (await readFile(alerts, "utf8")).replace("for: 1m", "for: 2s"));
      const prometheus = await startPrometheus(folder);
      const says = (expression: string) => prometheus.query(expression).then(({ length }) => length > 0);
      const fires = 'ALERTS{alertname="AvatarDatabaseDown", alertstate="firing"}';
      await until("all is well", () => says("avatar_database_up == 1"));
      expect(await says(fires)).toBe(false);

      await server.crash();
      await until("the alert fires", () => says(fires));
      expect((await api.rest("GET", "/v1/jobs")).status).toBe(503);
      await until("customers' errors show", () => says('avatar_errors_total{code="unavailable"} > 0'));

      await server.start();
      await until("the alert is over", async () => !(await says(fires)));
      expect(await says("avatar_database_up == 1")).toBe(true);
    },
    LONG,
  );
});

const readAlerts = async () => {
  const folder = join(MONITORING, "alerts");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yml"));
  return (await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")))).join("\n");
};

describe("an alert", () => {
  test("says what to do, and where that is explained", async () => {
    const docs = await readFile(DOCS, "utf8");
    const alerts = (await readAlerts()).split("- alert: ").slice(1);
    expect(alerts.length).toBeGreaterThan(15);
    for (const alert of alerts) {
      const [name = ""] = alert.split("\n", 1);
      expect(alert).toMatch(/summary: \S/);
      const description = /description: >-\n((?: {12}.+\n)+)/.exec(alert)?.[1];
      expect(docs).toContain(`\n${description?.trim().replaceAll(/\s+/g, " ")}\n`);
      expect(alert).toContain(`runbook: docs/monitoring.md#${name.toLowerCase()}\n`);
      expect(docs).toContain(`### ${name}\n`);
    }
  });

  test("about jobs that fail by our fault knows all codes of these, and no other", async () => {
    const codes = (await readAlerts()).match(/code=~"(render_failed[^"]*)"/)?.[1]?.split("|");
    const ours = JOB_ERROR_CODES.filter((code) => ERRORS[code].status >= 500);
    expect(codes?.toSorted()).toEqual(ours.toSorted());
  });

  test("names no code that there is not", async () => {
    const named = [...(await readAlerts()).matchAll(/code(?:=~|!=|=)"([^"]+)"/g)];
    expect(named.flatMap(([, codes = ""]) => codes.split("|")).filter((code) => !(code in ERRORS))).toEqual(
      [],
    );
  });
});
