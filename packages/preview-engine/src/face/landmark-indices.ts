/**
 * Which of FaceMesh's 468 points are what, from MediaPipe's canonical face model. "Left" and "right" are
 * the viewer's for lists in screen order; rings run clockwise from the mouth corner on the viewer's left.
 */
export const OUTER_EYE_CORNERS = [33, 263] as const;
export const MOUTH_CORNERS = [61, 291] as const;
export const INNER_MOUTH_CORNERS = [78, 308] as const;
export const FOREHEAD_TOP = 10;
export const BETWEEN_EYES = 168;
export const NOSE_TIP = 4;
export const NOSE_BASE = 2;
export const CHIN = 152;
export const INNER_UPPER_LIP = 13;
export const INNER_LOWER_LIP = 14;

export const UPPER_LIP_EDGE = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308] as const;
export const LOWER_LIP_EDGE = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308] as const;
export const INNER_LIPS = [...UPPER_LIP_EDGE, ...LOWER_LIP_EDGE.slice(1, -1).reverse()] as const;

export const UPPER_LIP: ReadonlySet<number> = new Set([
  191, 80, 81, 82, 13, 312, 311, 310, 415, 185, 40, 39, 37, 0, 267, 269, 270, 409, 184, 74, 73, 72, 11, 302,
  303, 304, 408, 183, 42, 41, 38, 12, 268, 271, 272, 407,
]);
export const LOWER_LIP: ReadonlySet<number> = new Set([
  95, 88, 178, 87, 14, 317, 402, 318, 324, 146, 91, 181, 84, 17, 314, 405, 321, 375, 77, 90, 180, 85, 16, 315,
  404, 320, 307, 96, 89, 179, 86, 15, 316, 403, 319, 325,
]);
/** Every ring's corner points; they barely move when the mouth opens. */
export const LIP_CORNERS: ReadonlySet<number> = new Set([61, 291, 78, 308, 76, 306, 62, 292]);

/** Per eye: corners, the two lid edges, and the crease above the upper lid, point for point. */
export const EYES = [
  {
    corners: [33, 133],
    upperLid: [246, 161, 160, 159, 158, 157, 173],
    lowerLid: [7, 163, 144, 145, 153, 154, 155],
    crease: [247, 30, 29, 27, 28, 56, 190],
  },
  {
    corners: [263, 362],
    upperLid: [466, 388, 387, 386, 385, 384, 398],
    lowerLid: [249, 390, 373, 374, 380, 381, 382],
    crease: [467, 260, 259, 257, 258, 286, 414],
  },
] as const;

export const BROWS: ReadonlySet<number> = new Set([
  70, 63, 105, 66, 107, 46, 53, 52, 65, 55, 300, 293, 334, 296, 336, 276, 283, 282, 295, 285,
]);

export const FACE_OVAL = [
  10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149,
  150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
] as const;

/** Points on plain skin (cheeks, forehead) and on the lower lip, for their colours. */
export const SKIN_SAMPLES = [50, 280, 151] as const;
export const LIP_SAMPLES = [17, 84, 314] as const;
