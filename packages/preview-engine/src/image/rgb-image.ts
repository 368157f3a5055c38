/** 8-bit sRGB picture, three bytes per pixel, rows from the top without padding. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Axis-aligned rectangle in pixels; may reach beyond the picture it is about. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}
