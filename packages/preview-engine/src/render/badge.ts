import type { YuvImage } from "./yuv-image.ts";

/** 5x7 dots per letter; bit 4 is the leftmost. A font file would be the only other reason for a dependency. */
const LETTERS: Record<string, readonly number[]> = {
  P: [30, 17, 17, 30, 16, 16, 16],
  R: [30, 17, 17, 30, 20, 18, 17],
  E: [31, 16, 16, 30, 16, 16, 31],
  V: [17, 17, 17, 17, 17, 10, 4],
  I: [14, 4, 4, 4, 4, 4, 14],
  W: [17, 17, 17, 21, 21, 21, 10],
};
const TEXT = "PREVIEW";
const DOT_PX = 2;
const LETTER_STEP_PX = 6 * DOT_PX;
const LETTER_HEIGHT_PX = 7 * DOT_PX;
const PADDING_PX = 8;
const MARGIN_PX = 16;
const BLACK_LUMA = 16;
const TEXT_LUMA = 225;

/** Burns "PREVIEW" on a darkened plate into the lower right corner, so that no one takes this for the final video. */
export function drawBadge({ width, height, planes }: YuvImage): void {
  const [luma, blueness, redness] = planes;
  const plateWidth = TEXT.length * LETTER_STEP_PX - DOT_PX + 2 * PADDING_PX;
  const plateHeight = LETTER_HEIGHT_PX + 2 * PADDING_PX;
  const left = width - MARGIN_PX - plateWidth;
  const top = height - MARGIN_PX - plateHeight;
  for (let y = top; y < top + plateHeight; y++) {
    for (let x = left; x < left + plateWidth; x++) {
      const at = y * width + x;
      luma.data[at] = BLACK_LUMA + 0.5 * ((luma.data[at] as number) - BLACK_LUMA);
    }
  }
  for (let y = top >> 1; y < (top + plateHeight) >> 1; y++) {
    for (let x = left >> 1; x < (left + plateWidth) >> 1; x++) {
      const at = y * blueness.width + x;
      blueness.data[at] = ((blueness.data[at] as number) + 128) >> 1;
      redness.data[at] = ((redness.data[at] as number) + 128) >> 1;
    }
  }
  [...TEXT].forEach((letter, i) => {
    drawLetter(
      luma.data,
      width,
      LETTERS[letter] ?? [],
      left + PADDING_PX + i * LETTER_STEP_PX,
      top + PADDING_PX,
    );
  });
}

function drawLetter(
  luma: Uint8Array,
  width: number,
  rows: readonly number[],
  left: number,
  top: number,
): void {
  for (let y = 0; y < LETTER_HEIGHT_PX; y++) {
    const row = rows[Math.floor(y / DOT_PX)] ?? 0;
    for (let x = 0; x < 5 * DOT_PX; x++) {
      if (row & (16 >> Math.floor(x / DOT_PX))) luma[(top + y) * width + left + x] = TEXT_LUMA;
    }
  }
}
