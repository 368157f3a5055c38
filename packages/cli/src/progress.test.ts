import { expect, test } from "vitest";
import { progressEntry, progressLine } from "./progress.ts";

const rendering = { label: "Rendering", fraction: 0.5, etaSeconds: 75 };

test("a wide terminal shows all of it", () => {
  expect(progressLine(rendering, 12, 80)).toBe(
    "Rendering  ████████████░░░░░░░░░░░░  50 %  about 1 min 15 s left  (12 s)",
  );
});

test("a narrow one shows less, and the percentage last of all", () => {
  const forms = [60, 50, 35, 20, 10, 5].map((columns) => progressLine(rendering, 12, columns));
  expect(forms).toEqual([
    "Rendering  █████░░░░░  50 %  about 1 min 15 s left  (12 s)",
    "Rendering  50 %  about 1 min 15 s left  (12 s)",
    "Rendering  50 %",
    "Rendering  50 %",
    "50 %",
    "50 %",
  ]);
});

test.each([rendering, { label: "Cold start: a worker is waking" }])(
  "no width is exceeded: $label",
  (progress) => {
    for (let columns = 0; columns < 130; columns++) {
      expect(progressLine(progress, 3600, columns).length).toBeLessThan(Math.max(columns, 1));
    }
  },
);

test("an estimate that has passed is not shown", () => {
  expect(progressLine({ ...rendering, etaSeconds: -5 }, 12, 80)).toMatch(/50 % {2}\(12 s\)$/);
});

test.each([-1, 0, 1, 2])("a share of %d does not break the bar", (fraction) => {
  expect(progressLine({ label: "Rendering", fraction }, 0, 80)).toMatch(/^Rendering {2}[█░]{24} /);
});

test("a log has words alone", () => {
  expect(progressEntry(rendering)).toBe("Rendering, 50 %, about 1 min 15 s left");
});
