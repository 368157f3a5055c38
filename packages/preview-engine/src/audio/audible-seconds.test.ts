import { expect, test } from "vitest";
import { speechSamples, tone } from "../../test/support/fixtures.ts";
import { createAudibleMeter } from "./audible-seconds.ts";

/** In pieces of an odd size, as a decoder gives them. */
function audibleSeconds(samples: Int16Array): number {
  const meter = createAudibleMeter();
  for (let at = 0; at < samples.length; at += 999) meter.push(samples.subarray(at, at + 999));
  return meter.audibleSeconds();
}

const join = (...parts: Int16Array[]) => Int16Array.from(parts.flatMap((part) => [...part]));

test.each([
  ["silence", new Int16Array(32_000), 0],
  ["the hiss of a microphone", tone(440, 2, 0.003), 0],
  ["a tone at -47 dB", tone(440, 2, 0.0063), 2],
  [
    "a loud second in four silent ones",
    join(new Int16Array(32_000), tone(440, 1), new Int16Array(32_000)),
    1,
  ],
])("%s", (_what, samples, seconds) => {
  expect(audibleSeconds(samples)).toBeCloseTo(seconds, 6);
});

test("most of a speech is heard, even at a tenth of its loudness", () => {
  const speech = speechSamples(2.9);
  expect(audibleSeconds(speech)).toBeGreaterThan(1.8);
  expect(audibleSeconds(speech.map((sample) => sample / 10))).toBeGreaterThan(1.2);
});
