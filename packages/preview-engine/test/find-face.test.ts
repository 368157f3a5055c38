import sharp, { type Sharp } from "sharp";
import { beforeAll, describe, expect, test } from "vitest";
import { withoutRepeats } from "../src/face/detect-faces.ts";
import { landmarkAt } from "../src/face/face-mesh.ts";
import { findFace, isProfile } from "../src/face/find-face.ts";
import {
  CHIN,
  FOREHEAD_TOP,
  INNER_LOWER_LIP,
  INNER_UPPER_LIP,
  NOSE_TIP,
  OUTER_EYE_CORNERS,
} from "../src/face/landmark-indices.ts";
import type { RgbImage } from "../src/image/rgb-image.ts";
import { PreviewError } from "../src/preview-error.ts";
import { PORTRAIT } from "./support/fixtures.ts";

async function toImage(picture: Sharp): Promise<RgbImage> {
  const { data, info } = await picture.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}

/** Head and shoulders of the fixture portrait, about 200 pixels square. */
const head = () => sharp(PORTRAIT).extract({ left: 125, top: 0, width: 200, height: 200 });

function onGrey(width: number, height: number, heads: { input: Buffer; left: number; top: number }[]): Sharp {
  return sharp({ create: { width, height, channels: 3, background: "#999" } }).composite(heads);
}

describe("the fixture portrait's face", () => {
  let mesh: ReturnType<typeof findFace>;
  beforeAll(async () => {
    mesh = findFace(await toImage(sharp(PORTRAIT)));
  });

  test("is found where it is", () => {
    const at = (index: number) => landmarkAt(mesh.landmarks, index);
    expect(mesh.confidence).toBeGreaterThan(0.95);
    const [right, left] = OUTER_EYE_CORNERS.map(at);
    expect(right?.x).toBeCloseTo(193, -1);
    expect(left?.x).toBeCloseTo(260, -1);
    expect(at(FOREHEAD_TOP).y).toBeCloseTo(70, -1);
    expect(at(CHIN).y).toBeCloseTo(177, -1);
  });

  test("shows its teeth: the lips are apart", () => {
    const gap = landmarkAt(mesh.landmarks, INNER_LOWER_LIP).y - landmarkAt(mesh.landmarks, INNER_UPPER_LIP).y;
    expect(gap).toBeGreaterThan(4);
    expect(gap).toBeLessThan(14);
  });
});

test("a tilted face is found upright in its own axes", async () => {
  const { landmarks } = findFace(await toImage(sharp(PORTRAIT).rotate(25, { background: "#999" })));
  const [right, left] = OUTER_EYE_CORNERS.map((index) => landmarkAt(landmarks, index));
  if (!right || !left) throw new Error("The face has no eyes");
  const rollDegrees = (Math.atan2(left.y - right.y, left.x - right.x) * 180) / Math.PI;
  expect(rollDegrees).toBeGreaterThan(18);
  expect(rollDegrees).toBeLessThan(34);
});

async function codeFor(picture: Sharp): Promise<string> {
  try {
    findFace(await toImage(picture));
    return "found";
  } catch (error) {
    if (error instanceof PreviewError) return error.code;
    throw error;
  }
}

test("a picture without a face is no_face", async () => {
  // The helmet and the suit of the fixture, without the head.
  expect(await codeFor(sharp(PORTRAIT).extract({ left: 0, top: 230, width: 512, height: 282 }))).toBe(
    "no_face",
  );
});

test("a nose beside both eyes is a profile", async () => {
  const { landmarks } = findFace(await toImage(sharp(PORTRAIT)));
  expect(isProfile(landmarks)).toBe(false);
  const withNoseAt = (x: number) => landmarks.map((point, i) => (i === NOSE_TIP ? { ...point, x } : point));
  expect(isProfile(withNoseAt(150))).toBe(true);
  expect(isProfile(withNoseAt(300))).toBe(true);
});

test("two faces of the same size are several_faces", async () => {
  const input = await head().toBuffer();
  const mirrored = await head().flop().toBuffer();
  const pair = onGrey(460, 240, [
    { input, left: 20, top: 20 },
    { input: mirrored, left: 240, top: 20 },
  ]);
  expect(await codeFor(sharp(await pair.png().toBuffer()))).toBe("several_faces");
});

test("a much smaller second face is ignored", async () => {
  const input = await head().resize(400).toBuffer();
  const small = await head().resize(180).toBuffer();
  const pair = onGrey(640, 440, [
    { input, left: 20, top: 20 },
    { input: small, left: 440, top: 20 },
  ]);
  expect(await codeFor(sharp(await pair.png().toBuffer()))).toBe("found");
});

test("a face of 50 pixels is face_too_small, also in a photo so large that a second look is needed", async () => {
  const input = await head().resize(96).toBuffer();
  const near = await onGrey(320, 320, [{ input, left: 100, top: 60 }])
    .png()
    .toBuffer();
  expect(await codeFor(sharp(near))).toBe("face_too_small");
  const far = await onGrey(900, 900, [{ input, left: 400, top: 200 }])
    .png()
    .toBuffer();
  expect(await codeFor(sharp(far))).toBe("face_too_small");
});

test("of candidates close together only the most probable is kept", () => {
  const at = (centerX: number, probability: number) => ({
    centerX,
    centerY: 0,
    size: 100,
    rollRad: 0,
    probability,
  });
  expect(withoutRepeats([at(0, 0.6), at(10, 0.9), at(200, 0.7)])).toEqual([at(10, 0.9), at(200, 0.7)]);
});
