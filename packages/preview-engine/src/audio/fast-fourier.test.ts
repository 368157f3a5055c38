import { expect, test } from "vitest";
import { createPowerSpectrum } from "./fast-fourier.ts";

test("a pure tone's power is in its own bin", () => {
  const size = 64;
  const powers = createPowerSpectrum(size)(
    Float64Array.from({ length: size }, (_, i) => Math.cos((2 * Math.PI * 5 * i) / size)),
  );
  expect(powers[5]).toBeCloseTo((size / 2) ** 2);
  expect(powers.filter((power, bin) => bin !== 5 && power > 1e-18)).toHaveLength(0);
});

test("the powers equal those of the defining sum", () => {
  const size = 16;
  const samples = Float64Array.from({ length: size }, (_, i) => ((i * 7919) % 13) - 6);
  const expected = Array.from({ length: size / 2 }, (_, bin) => {
    let re = 0;
    let im = 0;
    samples.forEach((sample, i) => {
      re += sample * Math.cos((2 * Math.PI * bin * i) / size);
      im += sample * Math.sin((2 * Math.PI * bin * i) / size);
    });
    return re ** 2 + im ** 2;
  });
  const powers = createPowerSpectrum(size)(samples.slice());
  expected.forEach((power, bin) => {
    expect(powers[bin]).toBeCloseTo(power, 8);
  });
});
