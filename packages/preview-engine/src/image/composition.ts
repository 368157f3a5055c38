import type { Landmark } from "../face/face-mesh.ts";
import type { Rectangle } from "./rgb-image.ts";

/** Shape of the video; `auto` takes the nearest one to the portrait. */
export type Aspect = "auto" | "16:9" | "9:16" | "1:1";

/**
 * `crop` fills the frame with the part of the portrait around the face; `pad` shows the whole portrait and
 * extends it with a blurred, darker copy of itself.
 */
export type Fit = "crop" | "pad";

export interface FrameSize {
  readonly width: number;
  readonly height: number;
}

/** Which part of the portrait goes where in the frame. Both rectangles hold whole pixels. */
export interface Composition {
  readonly frame: FrameSize;
  /** Inside the portrait. */
  readonly source: Rectangle;
  /** Inside the frame; smaller than it where the portrait has to be extended. */
  readonly target: Rectangle;
}

/** All three hold about the same number of pixels, so that they cost the same to render. */
const FRAME_SIZES: Record<Exclude<Aspect, "auto">, FrameSize> = {
  "16:9": { width: 1280, height: 720 },
  "9:16": { width: 720, height: 1280 },
  "1:1": { width: 960, height: 960 },
};

/** The face (hairline to chin) should take at least this part of the frame's height. */
const MIN_FACE_SHARE = 0.24;
/** The middle of the face sits this far down the frame, which leaves room for the shoulders. */
const FACE_MIDDLE_DOWN = 0.42;
/** Hair above the hairline, neck below the chin, hair beside the cheeks, in heights and widths of the face. */
const HAIR_ABOVE = 0.55;
const NECK_BELOW = 0.3;
const HAIR_BESIDE = 0.15;

export function frameSizeFor(aspect: Aspect, { width, height }: FrameSize): FrameSize {
  if (aspect !== "auto") return FRAME_SIZES[aspect];
  const ratio = width / height;
  return FRAME_SIZES[ratio >= 1.15 ? "16:9" : ratio <= 0.87 ? "9:16" : "1:1"];
}

/** Chooses what of the portrait is shown, so that the head is never cut where the portrait has it whole. */
export function composeFrame(
  portrait: FrameSize,
  landmarks: readonly Landmark[],
  aspect: Aspect,
  fit: Fit,
): Composition {
  const frame = frameSizeFor(aspect, portrait);
  const window =
    fit === "pad" ? windowAroundAll(portrait, frame) : windowAroundHead(portrait, landmarks, frame);
  return { frame, ...splitWindow(window, portrait, frame) };
}

function windowAroundAll(portrait: FrameSize, frame: FrameSize): Rectangle {
  const height = Math.max(portrait.height, (portrait.width * frame.height) / frame.width);
  const width = (height * frame.width) / frame.height;
  return { left: (portrait.width - width) / 2, top: (portrait.height - height) / 2, width, height };
}

function windowAroundHead(portrait: FrameSize, landmarks: readonly Landmark[], frame: FrameSize): Rectangle {
  const face = boundsOf(landmarks);
  const headTop = Math.max(0, face.top - HAIR_ABOVE * face.height);
  const headBottom = Math.min(portrait.height, face.top + (1 + NECK_BELOW) * face.height);
  const headLeft = Math.max(0, face.left - HAIR_BESIDE * face.width);
  const headRight = Math.min(portrait.width, face.left + (1 + HAIR_BESIDE) * face.width);
  const ratio = frame.width / frame.height;

  const largestInside = Math.min(portrait.height, portrait.width / ratio);
  const closeEnough = face.height / MIN_FACE_SHARE;
  // Taller than the portrait allows only when the head would be cut otherwise; the rest is then extended.
  const wholeHead = Math.max(headBottom - headTop, (headRight - headLeft) / ratio);
  const height = Math.max(Math.min(largestInside, closeEnough), wholeHead);
  const width = height * ratio;

  const middleX = face.left + face.width / 2;
  const middleY = face.top + face.height / 2;
  return {
    left: place(middleX - width / 2, width, headLeft, headRight, portrait.width),
    top: place(middleY - FACE_MIDDLE_DOWN * height, height, headTop, headBottom, portrait.height),
    width,
    height,
  };
}

/** Moves a span of `size` so that it holds the head and, where it can, stays inside the portrait. */
function place(
  wanted: number,
  size: number,
  headStart: number,
  headEnd: number,
  portraitSize: number,
): number {
  if (size >= portraitSize) return (portraitSize - size) / 2;
  const holdingHead = Math.min(Math.max(wanted, headEnd - size), headStart);
  return Math.min(Math.max(holdingHead, 0), portraitSize - size);
}

function splitWindow(window: Rectangle, portrait: FrameSize, frame: FrameSize) {
  const scale = frame.width / window.width;
  const left = Math.max(0, Math.round(window.left));
  const top = Math.max(0, Math.round(window.top));
  const source = {
    left,
    top,
    width: Math.min(portrait.width, Math.round(window.left + window.width)) - left,
    height: Math.min(portrait.height, Math.round(window.top + window.height)) - top,
  };
  // Where the window is larger than the portrait it is centred on it, so both sides are extended alike.
  const targetLeft = Math.round(Math.max(0, -window.left) * scale);
  const targetTop = Math.round(Math.max(0, -window.top) * scale);
  const target = {
    left: targetLeft,
    top: targetTop,
    width: frame.width - 2 * targetLeft,
    height: frame.height - 2 * targetTop,
  };
  return { source, target };
}

function boundsOf(landmarks: readonly Landmark[]): Rectangle {
  const xs = landmarks.map(({ x }) => x);
  const ys = landmarks.map(({ y }) => y);
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  return { left, top, width: Math.max(...xs) - left, height: Math.max(...ys) - top };
}

/** Carries points of the portrait into the frame. */
export function moveIntoFrame(landmarks: readonly Landmark[], { source, target }: Composition): Landmark[] {
  const scaleX = target.width / source.width;
  const scaleY = target.height / source.height;
  return landmarks.map(({ x, y, z }) => ({
    x: target.left + (x - source.left) * scaleX,
    y: target.top + (y - source.top) * scaleY,
    z: z * scaleX,
  }));
}
