import { AppError } from "../errors.ts";

/** As displayed: of a photo that its camera marked as rotated, after the rotation. */
export interface ImageDimensions {
  width: number;
  height: number;
}

export const damagedHeader = (format: string) =>
  new AppError("image_undecodable", { detail: `The header of the ${format} file is damaged.` });
