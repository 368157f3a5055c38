import type { GraphNode, Tensor } from "./graph-model.ts";

interface Window {
  readonly outHeight: number;
  readonly outWidth: number;
  /** Rows of zeros imagined above, and columns left of, the input. */
  readonly padTop: number;
  readonly padLeft: number;
}

/** Output size and padding as TensorFlow defines SAME and VALID. */
export function windowOf(input: Tensor, kernelHeight: number, kernelWidth: number, node: GraphNode): Window {
  const [, height = 1, width = 1] = input.shape;
  const { stride, padsToSame } = node;
  if (!padsToSame) {
    return {
      outHeight: Math.floor((height - kernelHeight) / stride) + 1,
      outWidth: Math.floor((width - kernelWidth) / stride) + 1,
      padTop: 0,
      padLeft: 0,
    };
  }
  const outHeight = Math.ceil(height / stride);
  const outWidth = Math.ceil(width / stride);
  return {
    outHeight,
    outWidth,
    padTop: Math.max(0, (outHeight - 1) * stride + kernelHeight - height) >> 1,
    padLeft: Math.max(0, (outWidth - 1) * stride + kernelWidth - width) >> 1,
  };
}

/** Convolution as a matrix product: every output pixel's window is one row, every filter one column. */
export function convolve(input: Tensor, filter: Tensor, node: GraphNode): Tensor {
  const [kernelHeight = 1, kernelWidth = 1, channels = 1, filters = 1] = filter.shape;
  const window = windowOf(input, kernelHeight, kernelWidth, node);
  const isPointwise = kernelHeight === 1 && kernelWidth === 1 && node.stride === 1;
  const rows = isPointwise
    ? input.data
    : gatherWindows(input, kernelHeight, kernelWidth, node.stride, window);
  const rowCount = window.outHeight * window.outWidth;
  const depth = kernelHeight * kernelWidth * channels;
  const data = multiply(rows, rowCount, depth, filter.data, filters);
  return { shape: [1, window.outHeight, window.outWidth, filters], data };
}

function gatherWindows(
  input: Tensor,
  kernelHeight: number,
  kernelWidth: number,
  stride: number,
  window: Window,
) {
  const [, height = 1, width = 1, channels = 1] = input.shape;
  const { outHeight, outWidth, padTop, padLeft } = window;
  const rows = new Float32Array(outHeight * outWidth * kernelHeight * kernelWidth * channels);
  let target = 0;
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      for (let ky = 0; ky < kernelHeight; ky++) {
        const sourceY = y * stride + ky - padTop;
        for (let kx = 0; kx < kernelWidth; kx++) {
          const sourceX = x * stride + kx - padLeft;
          if (sourceY >= 0 && sourceY < height && sourceX >= 0 && sourceX < width) {
            const source = (sourceY * width + sourceX) * channels;
            for (let c = 0; c < channels; c++) rows[target + c] = input.data[source + c] as number;
          }
          target += channels;
        }
      }
    }
  }
  return rows;
}

/**
 * `rows` (rowCount x depth) times `columns` (depth x columnCount), both row-major. Two rows and four columns
 * at a time keep the eight sums in registers, which is what makes the landmarks cost well under a second.
 */
function multiply(
  rows: Float32Array,
  rowCount: number,
  depth: number,
  columns: Float32Array,
  columnCount: number,
): Float32Array {
  const result = new Float32Array(rowCount * columnCount);
  const blockedColumns = columnCount - (columnCount % 4);
  for (let r = 0; r < rowCount; r += 2) {
    const row0 = r * depth;
    const row1 = Math.min(r + 1, rowCount - 1) * depth;
    const out0 = r * columnCount;
    const out1 = Math.min(r + 1, rowCount - 1) * columnCount;
    for (let c = 0; c < blockedColumns; c += 4) {
      let a0 = 0;
      let a1 = 0;
      let a2 = 0;
      let a3 = 0;
      let b0 = 0;
      let b1 = 0;
      let b2 = 0;
      let b3 = 0;
      for (let k = 0, w = c; k < depth; k++, w += columnCount) {
        const w0 = columns[w] as number;
        const w1 = columns[w + 1] as number;
        const w2 = columns[w + 2] as number;
        const w3 = columns[w + 3] as number;
        const a = rows[row0 + k] as number;
        const b = rows[row1 + k] as number;
        a0 += a * w0;
        a1 += a * w1;
        a2 += a * w2;
        a3 += a * w3;
        b0 += b * w0;
        b1 += b * w1;
        b2 += b * w2;
        b3 += b * w3;
      }
      result[out0 + c] = a0;
      result[out0 + c + 1] = a1;
      result[out0 + c + 2] = a2;
      result[out0 + c + 3] = a3;
      result[out1 + c] = b0;
      result[out1 + c + 1] = b1;
      result[out1 + c + 2] = b2;
      result[out1 + c + 3] = b3;
    }
    for (let c = blockedColumns; c < columnCount; c++) {
      let a = 0;
      let b = 0;
      for (let k = 0, w = c; k < depth; k++, w += columnCount) {
        a += (rows[row0 + k] as number) * (columns[w] as number);
        b += (rows[row1 + k] as number) * (columns[w] as number);
      }
      result[out0 + c] = a;
      result[out1 + c] = b;
    }
  }
  return result;
}

/** Each channel convolved with its own 3x3 filter; the models use no other depthwise size. */
export function convolveDepthwise(input: Tensor, filter: Tensor, node: GraphNode): Tensor {
  const channels = input.shape[3] ?? 1;
  const { outHeight, outWidth, padTop, padLeft } = windowOf(input, 3, 3, node);
  const padded = surroundWithZeros(input, outHeight, outWidth, padTop, padLeft, node.stride);
  const rowStep = padded.width * channels;
  const { data: source } = padded;
  const weights = filter.data;
  const result = new Float32Array(outHeight * outWidth * channels);
  // Channel by channel, so that the nine weights stay in registers.
  for (let c = 0; c < channels; c++) {
    const w0 = weights[c] as number;
    const w1 = weights[c + channels] as number;
    const w2 = weights[c + 2 * channels] as number;
    const w3 = weights[c + 3 * channels] as number;
    const w4 = weights[c + 4 * channels] as number;
    const w5 = weights[c + 5 * channels] as number;
    const w6 = weights[c + 6 * channels] as number;
    const w7 = weights[c + 7 * channels] as number;
    const w8 = weights[c + 8 * channels] as number;
    for (let y = 0; y < outHeight; y++) {
      let p = y * node.stride * rowStep + c;
      let target = y * outWidth * channels + c;
      for (let x = 0; x < outWidth; x++) {
        const q = p + rowStep;
        const s = q + rowStep;
        result[target] =
          (source[p] as number) * w0 +
          (source[p + channels] as number) * w1 +
          (source[p + 2 * channels] as number) * w2 +
          (source[q] as number) * w3 +
          (source[q + channels] as number) * w4 +
          (source[q + 2 * channels] as number) * w5 +
          (source[s] as number) * w6 +
          (source[s + channels] as number) * w7 +
          (source[s + 2 * channels] as number) * w8;
        p += node.stride * channels;
        target += channels;
      }
    }
  }
  return { shape: [1, outHeight, outWidth, channels], data: result };
}

function surroundWithZeros(
  input: Tensor,
  outHeight: number,
  outWidth: number,
  padTop: number,
  padLeft: number,
  stride: number,
) {
  const [, height = 1, width = 1, channels = 1] = input.shape;
  const paddedWidth = Math.max((outWidth - 1) * stride + 3, width + padLeft);
  const paddedHeight = Math.max((outHeight - 1) * stride + 3, height + padTop);
  const data = new Float32Array(paddedWidth * paddedHeight * channels);
  for (let y = 0; y < height; y++) {
    const row = input.data.subarray(y * width * channels, (y + 1) * width * channels);
    data.set(row, ((y + padTop) * paddedWidth + padLeft) * channels);
  }
  return { width: paddedWidth, data };
}
