import { expect, test } from "vitest";
import { runAvatar } from "./support/run-avatar.ts";

const GENERATE = ["generate", "face.png", "speech.wav", "-o", "out.mp4"];

test.each<[string[], string, string?]>([
  [[], "Which command?"],
  [["genrate"], "There is no command genrate.", "Did you mean generate?"],
  [["jobs"], "jobs is followed by another word.", "There are: jobs list, jobs get, jobs cancel, jobs watch."],
  [["jobs", "lst"], "There is no command jobs lst.", "Did you mean jobs list?"],
  [["-q", "jobs", "list"], "The command comes first, then -q."],
  [["constructor"], "There is no command constructor."],
  [[...GENERATE, "--aspct", "1:1"], "There is no option --aspct here.", "Did you mean --aspect?"],
  [[...GENERATE, "-x"], "There is no option -x here."],
  [[...GENERATE, "--constructor"], "There is no option --constructor here."],
  [
    [...GENERATE, "--api-key", "k"],
    "There is no option --api-key here.",
    "Set AVATAR_API_KEY, or use --key-file.",
  ],
  [["jobs", "get"], "Expected <job>, but nothing is given."],
  [["jobs", "get", "a", "b"], "Expected <job>, but given is a b."],
  [["generate", "face.png", "speech.wav"], "Where to? -o is missing."],
  [["resume", "job_1"], "Where to? -o is missing."],
  [[...GENERATE, "--detach"], "--detach saves no video."],
  [[...GENERATE, "--aspect"], "Option '--aspect <value>' argument missing."],
  [[...GENERATE, "--json=1"], "Option '--json' does not take an argument."],
  [[...GENERATE, "--aspect", "4:3"], '--aspect takes auto, 16:9, 9:16, 1:1, not "4:3".'],
  [[...GENERATE, "--fit", "crpo"], '--fit takes crop, pad, not "crpo".'],
  [[...GENERATE, "--seed", "1.5"], '--seed takes a whole number from 0 to 4294967295, not "1.5".'],
  [[...GENERATE, "--seed", "4294967296"], "--seed takes a whole number from 0 to 4294967295"],
  [[...GENERATE, "--ttl", "soon"], '--ttl takes a time such as 90s, 10m or 1h, not "soon".'],
  [[...GENERATE, "--timeout", "0"], '--timeout takes a time such as 90s, 10m or 1h, not "0".'],
  [[...GENERATE, "--idempotency-key", "Auftrag für 7"], "--idempotency-key takes 1 to 255 letters"],
  [[...GENERATE, "--metadata", "order"], '--metadata takes name=value, not "order".'],
  [[...GENERATE, "--metadata", "a=1", "--metadata", "a=2"], "--metadata a=… is given twice."],
  [["jobs", "list", "--limit", "0"], "--limit takes a whole number from 1 to"],
  [["jobs", "list", "--status", "done"], "--status takes queued, starting"],
  [GENERATE, "The address of the API is missing.", "Pass --base-url https://… or set AVATAR_BASE_URL."],
  [
    [...GENERATE, "--base-url", "example.com"],
    "The address of the API is not an http(s) address: example.com",
  ],
])("%j is refused", async (args, detail, hint = "") => {
  const { code, stdout, stderr } = await runAvatar(args);
  const [first, second = ""] = stderr.split("\n");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(first).toContain(`Error: ${detail}`);
  expect(second).toContain(hint);
});

test("a mistake is told as JSON where that is asked for", async () => {
  const { code, stdout, stderr } = await runAvatar(["generate", "--json"]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(JSON.parse(stderr)).toMatchObject({ error: { code: "usage", exitCode: 2, retryable: false } });
});

test.each([[["--help"]], [["-h"]], [["help"]]])("%j tells commands and exit codes", async (args) => {
  const { code, stdout, stderr } = await runAvatar(args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain("avatar generate face.jpg speech.mp3 -o talking.mp4");
  for (const exit of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130])
    expect(stdout).toMatch(new RegExp(`^ +${exit} {2}.`, "m"));
});

test.each([
  [
    "generate --help",
    /^Usage: avatar generate <portrait> <recording> -o <video.mp4> \[options\]\n(.*\n)* +--seed </,
  ],
  ["help jobs watch", /^Usage: avatar jobs watch <job> \[options\]\n/],
  ["jobs --help", /jobs cancel <job>/],
])("%s tells of that", async (line, text) => {
  const { code, stdout } = await runAvatar(line.split(" "));
  expect(code).toBe(0);
  expect(stdout).toMatch(text);
});

test("--version is the package's", async () => {
  expect((await runAvatar(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
});
