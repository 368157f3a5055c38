import { expect, test } from "vitest";
import { float16, type GraphNode } from "./graph-model.ts";
import { runGraph } from "./graph-runner.ts";

function aNode(
  name: string,
  operation: string,
  inputs: string[],
  change: Partial<GraphNode> = {},
): GraphNode {
  return {
    name,
    operation,
    inputs,
    stride: 1,
    kernelSize: 1,
    padsToSame: false,
    fusedOperations: [],
    ...change,
  };
}

function run(nodes: GraphNode[], shape: number[], values: number[], weights: Record<string, number[]> = {}) {
  const tensors = Object.entries(weights).map(
    ([name, data]) => [name, { shape: [data.length], data: Float32Array.from(data) }] as const,
  );
  const constants = Object.keys(weights).map((name) => aNode(name, "Const", []));
  const model = {
    nodes: [aNode("in", "Placeholder", []), ...constants, ...nodes],
    weights: new Map(tensors),
  };
  const result = runGraph(model, { shape, data: Float32Array.from(values) }).get("out");
  return { shape: result?.shape, values: [...(result?.data ?? [])] };
}

test("Prelu scales negative values by their channel's slope", () => {
  const { values } = run([aNode("out", "Prelu", ["in", "slopes"])], [1, 1, 2, 2], [-2, -2, 3, -4], {
    slopes: [0.5, 0.25],
  });
  expect(values).toEqual([-1, -0.5, 3, -1]);
});

test("AddV2 repeats a bias over all pixels", () => {
  const { values } = run([aNode("out", "AddV2", ["in", "bias"])], [1, 1, 2, 2], [1, 2, 3, 4], {
    bias: [10, 20],
  });
  expect(values).toEqual([11, 22, 13, 24]);
});

test("MaxPool keeps the largest value of each window", () => {
  const { shape, values } = run(
    [aNode("out", "MaxPool", ["in"], { stride: 2, kernelSize: 2 })],
    [1, 2, 4, 1],
    [1, 5, 2, 2, 3, 4, 9, -1],
  );
  expect(shape).toEqual([1, 1, 2, 1]);
  expect(values).toEqual([5, 9]);
});

test("Pad appends zero channels", () => {
  const { shape, values } = run([aNode("out", "Pad", ["in", "paddings"])], [1, 1, 2, 1], [7, 8], {
    paddings: [0, 0, 0, 0, 0, 0, 0, 2],
  });
  expect(shape).toEqual([1, 1, 2, 3]);
  expect(values).toEqual([7, 0, 0, 8, 0, 0]);
});

test("Reshape works out the size given as -1", () => {
  const { shape } = run([aNode("out", "Reshape", ["in", "size"])], [1, 2, 2, 1], [1, 2, 3, 4], {
    size: [1, -1, 2],
  });
  expect(shape).toEqual([1, 2, 2]);
});

test("Relu and Sigmoid are what their names say", () => {
  expect(run([aNode("out", "Relu", ["in"])], [1, 1, 1, 2], [-1, 2]).values).toEqual([0, 2]);
  expect(run([aNode("out", "Sigmoid", ["in"])], [1, 1, 1, 1], [0]).values).toEqual([0.5]);
});

test("an operation we do not have is named in the error", () => {
  expect(() => run([aNode("out", "Softmax", ["in", "in"])], [1], [1])).toThrow("Softmax");
});

test.each([
  [0x0000, 0],
  [0x3c00, 1],
  [0xc000, -2],
  [0x3555, 0.333251953125],
  [0x0001, 2 ** -24],
  [0x7bff, 65504],
])("half precision %i is %d", (bits, value) => {
  expect(float16(bits)).toBe(value);
});
