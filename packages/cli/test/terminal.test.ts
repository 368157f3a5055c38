import { describe, expect, onTestFinished, test } from "vitest";
import { startFakeApi } from "../../sdk/test/support/fake-api.ts";
import { hasPython } from "./support/has-python.ts";
import { frames, screenOf } from "./support/screen.ts";
import { GENERATE, useApi } from "./support/use-api.ts";

const given = useApi();
const testInTerminal = test.runIf(hasPython);

describe.each([120, 80, 40, 20, 8, 1, 0])("in a terminal of %i columns", (columns) => {
  const terminal = { columns, rows: 24 };
  // A terminal that does not tell its width is drawn to as one of 80.
  const shown = { columns: columns || 80, rows: 24 };

  testInTerminal("progress stays in one line, and leaves only what is to stay", async () => {
    const { code, stdout } = await given.run(GENERATE, { terminal });
    expect(code).toBe(0);
    expect(frames(stdout).length > 0, "progress is seen").toBe(columns !== 1);
    for (const frame of frames(stdout)) expect(frame.length, frame).toBeLessThan(Math.max(shown.columns, 2));
    const screen = (await screenOf(stdout, shown)).join("");
    expect(screen.replaceAll(/\s/g, "")).toMatch(/^Saved:1280x720,3\.0s,2kB,madein\d+s\.out\.mp4$/);
  });
});

testInTerminal("uploads, the queue, a cold start and the render are seen on the way", async () => {
  const fake = await startFakeApi();
  onTestFinished(fake.close);
  fake.script = [
    { status: "queued", position: 3, etaSeconds: 200 },
    { status: "queued", position: 1, etaSeconds: 130 },
    { status: "starting", cold: true, etaSeconds: 90 },
    { status: "running", progress: 0.425, etaSeconds: 40.2 },
    { status: "succeeded" },
  ];
  const env = { AVATAR_BASE_URL: fake.url };
  const { code, stdout } = await given.run(GENERATE, { terminal: { columns: 100, rows: 24 }, env });
  expect(code).toBe(0);
  const seen = frames(stdout).map((frame) => frame.replace(/ {2}\(\d+ s\)$/, ""));
  expect(seen).toEqual(
    expect.arrayContaining([
      "Uploading 0 kB of 888 kB  ░░░░░░░░░░░░░░░░░░░░░░░░  0 %",
      "Creating the job",
      "Queued, number 3 in line  about 3 min 20 s left",
      "Queued, next in line  about 2 min 10 s left",
      "Cold start: a worker is waking  about 1 min 30 s left",
      "Rendering  ██████████░░░░░░░░░░░░░░  42 %  about 40 s left",
    ]),
  );
});

testInTerminal("a result does not share its line with the progress", async () => {
  const id = await given.createJob();
  const terminal = { columns: 80, rows: 24 };
  const { stdout } = await given.run(["jobs", "watch", id], { terminal });
  expect(frames(stdout)).not.toEqual([]);
  expect(await screenOf(stdout, terminal)).toEqual(["succeeded"]);
});

testInTerminal("Ctrl-C at the keyboard cancels the job", async () => {
  given.hold();
  const terminal = { columns: 100, rows: 24 };
  const run = given.start(GENERATE, { terminal });
  await run.said(/Rendering/);
  run.type("\x03");
  const { code, stdout } = await run.ended;
  const { id, status } = await given.newestJob();
  expect({ code, status }).toEqual({ code: 130, status: "canceled" });
  expect(await screenOf(stdout, terminal)).toEqual([
    expect.stringMatching(/^(\^C)?Interrupted: canceling job_\w+\. Ctrl-C again quits at once\.$/),
    "Error: Interrupted: the job is canceled.",
    "  code     interrupted",
    `  job      ${id}`,
  ]);
});

describe("colors", () => {
  const terminal = { columns: 80, rows: 24 };
  const args = ["jobs", "get", "job_0"];
  const COLOR = "\x1b[31m";

  testInTerminal("are for terminals", async () => {
    expect((await given.run(args, { terminal })).stdout).toContain(COLOR);
    expect((await given.run(args)).stderr).not.toContain("\x1b");
  });

  testInTerminal.each([{ NO_COLOR: "1" }, { TERM: "dumb" }])("are left out with %o", async (env) => {
    const { stdout } = await given.run(args, { terminal, env });
    expect(stdout).not.toContain("\x1b");
    expect(stdout).toMatch(/^Error: /);
  });
});

testInTerminal("a terminal that cannot go back in a line gets lines", async () => {
  const { stdout } = await given.run(GENERATE, {
    terminal: { columns: 80, rows: 24 },
    env: { TERM: "dumb" },
  });
  expect(stdout).not.toContain("\x1b");
  expect(stdout).toMatch(/^Uploading/);
});

testInTerminal("--quiet shows nothing but the result", async () => {
  const { stdout } = await given.run([...GENERATE, "-q"], { terminal: { columns: 80, rows: 24 } });
  expect(stdout).toBe("out.mp4\r\n");
});
