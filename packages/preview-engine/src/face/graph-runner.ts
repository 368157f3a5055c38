import { convolve, convolveDepthwise, windowOf } from "./convolution.ts";
import type { GraphModel, GraphNode, Tensor } from "./graph-model.ts";

/**
 * Runs a model on one input and returns every named result. Only the eleven operations that BlazeFace and
 * FaceMesh use exist here: a machine-learning runtime would weigh forty times the two models.
 */
export function runGraph(model: GraphModel, input: Tensor): ReadonlyMap<string, Tensor> {
  const results = new Map<string, Tensor>();
  for (const node of model.nodes) {
    const inputs = node.inputs.map((name) => results.get(name) as Tensor);
    results.set(node.name, runNode(model, node, inputs, input));
  }
  return results;
}

function runNode(model: GraphModel, node: GraphNode, inputs: Tensor[], graphInput: Tensor): Tensor {
  const [first, second] = inputs;
  switch (node.operation) {
    case "Const":
      return model.weights.get(node.name) as Tensor;
    case "Placeholder":
      return graphInput;
  }
  if (first === undefined) throw new Error(`${node.operation} has no input`);
  switch (node.operation) {
    case "Identity":
      return first;
    case "Relu":
      return relu(first);
    case "Sigmoid":
      return { shape: first.shape, data: first.data.map((value) => 1 / (1 + Math.exp(-value))) };
    case "MaxPool":
      return maxPool(first, node);
  }
  if (second === undefined) throw new Error(`${node.operation} has no second input`);
  switch (node.operation) {
    case "_FusedConv2D":
      return fused(convolve(first, second, node), node.fusedOperations, inputs.slice(2));
    case "DepthwiseConv2dNative":
      return convolveDepthwise(first, second, node);
    case "AddV2":
      return add(first, second);
    case "Prelu":
      return prelu(first, second);
    case "Pad":
      return padChannels(first, second);
    case "Reshape":
      return reshape(first, second);
    default:
      throw new Error(`The operation ${node.operation} is not supported`);
  }
}

/** Works in place: nothing else has seen the convolution's result yet. */
function fused(result: Tensor, operations: readonly string[], parameters: Tensor[]): Tensor {
  for (const operation of operations) {
    if (operation === "Relu") relu(result, result.data);
    else if (operation === "BiasAdd") add(result, parameters.shift() as Tensor, result.data);
    else if (operation === "Prelu") prelu(result, parameters.shift() as Tensor, result.data);
    else throw new Error(`The fused operation ${operation} is not supported`);
  }
  return result;
}

function relu({ shape, data }: Tensor, result: Float32Array = new Float32Array(data.length)): Tensor {
  for (let i = 0; i < data.length; i++) {
    result[i] = Math.max(0, data[i] as number);
  }
  return { shape, data: result };
}

/** Element by element, or `b` repeated over the last dimension when it is a bias. */
function add(a: Tensor, b: Tensor, result: Float32Array = new Float32Array(a.data.length)): Tensor {
  const period = b.data.length;
  for (let start = 0; start < result.length; start += period) {
    for (let i = 0; i < period; i++)
      result[start + i] = (a.data[start + i] as number) + (b.data[i] as number);
  }
  return { shape: a.shape, data: result };
}

function prelu(
  { shape, data }: Tensor,
  slopes: Tensor,
  result: Float32Array = new Float32Array(data.length),
): Tensor {
  const channels = slopes.data.length;
  for (let start = 0; start < data.length; start += channels) {
    for (let c = 0; c < channels; c++) {
      const value = data[start + c] as number;
      result[start + c] = value < 0 ? value * (slopes.data[c] as number) : value;
    }
  }
  return { shape, data: result };
}

function maxPool(input: Tensor, node: GraphNode): Tensor {
  const [, height = 1, width = 1, channels = 1] = input.shape;
  const { outHeight, outWidth, padTop, padLeft } = windowOf(input, node.kernelSize, node.kernelSize, node);
  const result = new Float32Array(outHeight * outWidth * channels).fill(Number.NEGATIVE_INFINITY);
  for (let y = 0; y < outHeight; y++) {
    for (let x = 0; x < outWidth; x++) {
      const target = (y * outWidth + x) * channels;
      for (let k = 0; k < node.kernelSize ** 2; k++) {
        const sourceY = y * node.stride + Math.floor(k / node.kernelSize) - padTop;
        const sourceX = x * node.stride + (k % node.kernelSize) - padLeft;
        if (sourceY < 0 || sourceX < 0 || sourceY >= height || sourceX >= width) continue;
        const source = (sourceY * width + sourceX) * channels;
        for (let c = 0; c < channels; c++) {
          const value = input.data[source + c] as number;
          if (value > (result[target + c] as number)) result[target + c] = value;
        }
      }
    }
  }
  return { shape: [1, outHeight, outWidth, channels], data: result };
}

/** Appends zero channels; the models pad no other dimension. */
function padChannels(input: Tensor, paddings: Tensor): Tensor {
  const [batch = 1, height = 1, width = 1, channels = 1] = input.shape;
  const padded = channels + (paddings.data[7] ?? 0);
  const result = new Float32Array(batch * height * width * padded);
  for (let pixel = 0; pixel < height * width; pixel++) {
    result.set(input.data.subarray(pixel * channels, (pixel + 1) * channels), pixel * padded);
  }
  return { shape: [batch, height, width, padded], data: result };
}

function reshape({ data }: Tensor, target: Tensor): Tensor {
  const known = target.data.reduce((product, size) => (size === -1 ? product : product * size), 1);
  return { data, shape: Array.from(target.data, (size) => (size === -1 ? data.length / known : size)) };
}
