import type { Rectangle, RgbImage } from "../image/rgb-image.ts";
import { PreviewError } from "../preview-error.ts";
import { detectFaces, withoutRepeats } from "./detect-faces.ts";
import { type FaceMesh, fitFaceMesh, type Landmark, landmarkAt, refineFaceMesh } from "./face-mesh.ts";
import { NOSE_TIP, OUTER_EYE_CORNERS } from "./landmark-indices.ts";

const MIN_PROBABILITY = 0.5;
/**
 * The detector alone fires on cats, cups and rockets (0.53 to 0.75); the mesh network gave those at most 0.06
 * and real faces 0.7 to 1.0.
 */
const MIN_MESH_CONFIDENCE = 0.5;
/** Below this the photo does not hold enough of a mouth to move. */
const MIN_FACE_PX = 64;
/** A second face at least this large beside the largest leaves open who is to speak. */
const RIVAL_SIZE_RATIO = 0.7;
/** More candidates than this are a crowd, and the mesh costs 60 ms each. */
const MAX_CANDIDATES = 6;

/**
 * Finds the one face that is to speak.
 *
 * @throws PreviewError `no_face`, `several_faces` or `face_too_small`.
 */
export function findFace(image: RgbImage): FaceMesh {
  const [largest, second] = findFaces(image);
  if (largest === undefined) {
    throw new PreviewError(
      "no_face",
      "No face was found in the image. Use a photo that shows one face from the front.",
    );
  }
  if (largest.size < MIN_FACE_PX) {
    throw new PreviewError(
      "face_too_small",
      `The face is about ${Math.round(largest.size)} pixels wide; at least ${MIN_FACE_PX} are needed. Use a closer or larger photo.`,
    );
  }
  if (second !== undefined && second.size >= RIVAL_SIZE_RATIO * largest.size) {
    throw new PreviewError(
      "several_faces",
      "The image shows several faces of about the same size. Crop it to the person who should speak.",
    );
  }
  return refineFaceMesh(image, refineFaceMesh(image, largest.mesh));
}

interface ConfirmedFace {
  readonly size: number;
  readonly mesh: FaceMesh;
}

/** Faces that both networks agree on, largest first. */
function findFaces(image: RgbImage): ConfirmedFace[] {
  for (const regions of [[wholeOf(image)], closerViewsOf(image)]) {
    const found = regions.flatMap((region) => detectFaces(image, region, MIN_PROBABILITY));
    const faces = withoutRepeats(found)
      .slice(0, MAX_CANDIDATES)
      .map((candidate) => ({ size: candidate.size, mesh: fitFaceMesh(image, candidate) }))
      .filter(({ mesh }) => mesh.confidence > MIN_MESH_CONFIDENCE && !isProfile(mesh.landmarks));
    if (faces.length > 0) return faces.toSorted((a, b) => b.size - a.size);
  }
  return [];
}

/** Seen from the side the nose stands outside the eyes, and half of the mouth is missing. */
export function isProfile(landmarks: readonly Landmark[]): boolean {
  const [left, right] = OUTER_EYE_CORNERS.map((index) => landmarkAt(landmarks, index)) as [
    Landmark,
    Landmark,
  ];
  const nose = landmarkAt(landmarks, NOSE_TIP);
  const across = { x: right.x - left.x, y: right.y - left.y };
  const along = (nose.x - left.x) * across.x + (nose.y - left.y) * across.y;
  const share = along / (across.x ** 2 + across.y ** 2);
  return share < 0 || share > 1;
}

function wholeOf({ width, height }: RgbImage): Rectangle {
  return { left: 0, top: 0, width, height };
}

/** The detector sees 256x256 pixels, so a small face in a large photo shows only in a part of it. */
function closerViewsOf({ width, height }: RgbImage): Rectangle[] {
  const size = Math.max(width, height) / 2;
  const centers = [
    [0.5, 0.3],
    [0.5, 0.5],
    [0.25, 0.4],
    [0.75, 0.4],
  ] as const;
  return centers.map(([x, y]) => ({
    left: width * x - size / 2,
    top: height * y - size / 2,
    width: size,
    height: size,
  }));
}
