import { GPUS, PROFILES } from "./facts.ts";
import { count, dollars, seconds, span, within } from "./format.ts";
import { type Plan, plan, type Question } from "./plan.ts";

export const BUDGET_DOLLARS = 50;
const PATIENCE_SECONDS = 120;
const LENGTHS = [3, 5, 10];
const WIDTHS = [20, 18, 9, 18, 9, 18];

/** For lengths, GPUs and profiles at hand: what stays below the budget, and what is done in time. */
export function* compare(question: Question): Generator<string> {
  const { bench, perDay } = question;
  yield `What is done within ${PATIENCE_SECONDS} s, and what costs at most $${BUDGET_DOLLARS} a month, at ${count(perDay, "video")} a day:`;
  yield row(["", "render on a", "within", "", "within", "request to", "within"]);
  yield row([
    "",
    "warm worker",
    `${PATIENCE_SECONDS} s`,
    "a month",
    `$${BUDGET_DOLLARS}`,
    "video, p95",
    `${PATIENCE_SECONDS} s`,
  ]);
  // What was measured tells of one GPU and one profile.
  const gpus = bench ? [question.gpu] : Object.keys(GPUS);
  const profiles = bench ? [question.profile] : Object.keys(PROFILES);
  for (const gpu of gpus)
    for (const profile of profiles)
      for (const length of LENGTHS) {
        const found = plan({ ...question, gpu, profile, seconds: length });
        const { render } = found.timing;
        const warm = [seconds(render), within(render, PATIENCE_SECONDS)];
        yield row([`${gpu} ${profile} ${length} s`, ...warm, ...atThisRate(question, found)]);
      }
}

function atThisRate({ workersMax }: Question, { figures, areWorkersEnough }: Plan): string[] {
  if (!figures) return [tooMuch(workersMax, areWorkersEnough)];
  const { dollarsPerMonth, p95Seconds } = figures;
  return [
    span(dollarsPerMonth, (value) => dollars(value, 0)),
    within(dollarsPerMonth, BUDGET_DOLLARS),
    seconds(p95Seconds),
    within(p95Seconds, PATIENCE_SECONDS),
  ];
}

/** Instead of figures. */
export const tooMuch = (workersMax: number, areWorkersEnough: Plan["areWorkersEnough"]) =>
  `${areWorkersEnough === "perhaps" ? "perhaps " : ""}more than ${count(workersMax, "worker")} can render`;

const row = (cells: readonly string[]) =>
  `  ${cells.map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0)).join("")}`.trimEnd();
