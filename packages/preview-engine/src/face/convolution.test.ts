import { describe, expect, test } from "vitest";
import { createRandom } from "../motion/random.ts";
import { convolve, convolveDepthwise } from "./convolution.ts";
import type { GraphNode, Tensor } from "./graph-model.ts";

const random = createRandom(5);

function aTensor(...shape: number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { shape, data: Float32Array.from({ length: count }, () => random() - 0.5) };
}

function aNode(stride: number, padsToSame: boolean): GraphNode {
  return { name: "", operation: "", inputs: [], stride, kernelSize: 1, padsToSame, fusedOperations: [] };
}

/** The definition, without any shortcut. */
function slowConvolution(
  input: Tensor,
  filter: Tensor,
  { stride, padsToSame }: GraphNode,
  isDepthwise: boolean,
) {
  const [, height = 0, width = 0, channels = 0] = input.shape;
  const [kernel = 0, , , last = 0] = filter.shape;
  const outputs = isDepthwise ? channels : last;
  const sizeOf = (size: number) =>
    padsToSame ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1;
  const padOf = (size: number) =>
    padsToSame ? Math.floor(Math.max(0, (sizeOf(size) - 1) * stride + kernel - size) / 2) : 0;
  const values: number[] = [];
  for (let y = 0; y < sizeOf(height); y++) {
    for (let x = 0; x < sizeOf(width); x++) {
      for (let output = 0; output < outputs; output++) {
        let sum = 0;
        for (let ky = 0; ky < kernel; ky++) {
          for (let kx = 0; kx < kernel; kx++) {
            const sourceY = y * stride + ky - padOf(height);
            const sourceX = x * stride + kx - padOf(width);
            if (sourceY < 0 || sourceX < 0 || sourceY >= height || sourceX >= width) continue;
            for (let c = 0; c < channels; c++) {
              if (isDepthwise && c !== output) continue;
              const tap = ky * kernel + kx;
              const weight = isDepthwise
                ? filter.data[tap * channels + c]
                : filter.data[(tap * channels + c) * outputs + output];
              sum += (input.data[(sourceY * width + sourceX) * channels + c] ?? 0) * (weight ?? 0);
            }
          }
        }
        values.push(sum);
      }
    }
  }
  return { shape: [1, sizeOf(height), sizeOf(width), outputs], values };
}

function expectClose(actual: Tensor, expected: { shape: number[]; values: number[] }): void {
  expect(actual.shape).toEqual(expected.shape);
  const worst = Math.max(
    ...expected.values.map((value, i) => Math.abs(value - (actual.data[i] ?? Number.NaN))),
  );
  expect(worst).toBeLessThan(1e-5);
}

const SHAPES = [
  { kernel: 1, stride: 1 },
  { kernel: 3, stride: 1 },
  { kernel: 3, stride: 2 },
  { kernel: 5, stride: 2 },
  { kernel: 1, stride: 2 },
];

describe.each([true, false])("with SAME padding %s, a convolution equals its definition", (padsToSame) => {
  test.each(SHAPES)("kernel $kernel, stride $stride", ({ kernel, stride }) => {
    for (const [height, width, filters] of [
      [7, 8, 6],
      [8, 5, 4],
      [9, 9, 1],
    ] as const) {
      const input = aTensor(1, height, width, 3);
      const filter = aTensor(kernel, kernel, 3, filters);
      const node = aNode(stride, padsToSame);
      expectClose(convolve(input, filter, node), slowConvolution(input, filter, node, false));
    }
  });

  test.each([1, 2])("depthwise, stride %i", (stride) => {
    const input = aTensor(1, 8, 7, 5);
    const filter = aTensor(3, 3, 5, 1);
    const node = aNode(stride, padsToSame);
    expectClose(convolveDepthwise(input, filter, node), slowConvolution(input, filter, node, true));
  });
});
