import { readFileSync } from "node:fs";

/** Dense float array in NHWC order with batch size 1; `shape` keeps the batch dimension. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface GraphNode {
  readonly name: string;
  readonly operation: string;
  readonly inputs: readonly string[];
  /** Step between windows, in pixels; 1 where the operation has no window. */
  readonly stride: number;
  readonly kernelSize: number;
  readonly padsToSame: boolean;
  /** What a fused convolution does to its result, in order: BiasAdd, Relu, Prelu. */
  readonly fusedOperations: readonly string[];
}

export interface GraphModel {
  readonly nodes: readonly GraphNode[];
  readonly weights: ReadonlyMap<string, Tensor>;
}

interface ModelJson {
  modelTopology: {
    node: { name: string; op: string; input?: string[]; attr?: Record<string, AttributeJson> }[];
  };
  weightsManifest: [
    {
      weights: {
        name: string;
        shape: number[];
        dtype: string;
        quantization?: { dtype: string };
      }[];
    },
  ];
}
interface AttributeJson {
  s?: string;
  list?: { i?: string[]; s?: string[] };
}

/** Reads a TensorFlow.js graph model: the topology as JSON beside its weights as one binary file. */
export function loadGraphModel(jsonFile: URL, binaryFile: URL): GraphModel {
  const json = JSON.parse(readFileSync(jsonFile, "utf8")) as ModelJson;
  const bytes = readFileSync(binaryFile);
  const weights = new Map<string, Tensor>();
  let offset = 0;
  for (const { name, shape, dtype, quantization } of json.weightsManifest[0].weights) {
    const count = shape.reduce((product, size) => product * size, 1);
    const storedAs = quantization?.dtype ?? dtype;
    weights.set(name, { shape, data: readNumbers(bytes, offset, count, storedAs) });
    offset += count * (storedAs === "float16" ? 2 : 4);
  }
  return { nodes: json.modelTopology.node.map(toGraphNode), weights };
}

function toGraphNode({
  name,
  op,
  input = [],
  attr = {},
}: ModelJson["modelTopology"]["node"][number]): GraphNode {
  return {
    name,
    operation: op,
    // Inputs may name an output ("node:0") or a pure ordering constraint ("^node").
    inputs: input.map((reference) => reference.replace(/^\^/, "").replace(/:\d+$/, "")),
    stride: Number(attr.strides?.list?.i?.[1] ?? 1),
    kernelSize: Number(attr.ksize?.list?.i?.[1] ?? 1),
    padsToSame: fromBase64(attr.padding?.s ?? "") === "SAME",
    fusedOperations: (attr.fused_ops?.list?.s ?? []).map(fromBase64),
  };
}

function fromBase64(text: string): string {
  return Buffer.from(text, "base64").toString("latin1");
}

function readNumbers(bytes: Buffer, offset: number, count: number, storedAs: string): Float32Array {
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    if (storedAs === "float32") numbers[i] = bytes.readFloatLE(offset + 4 * i);
    else if (storedAs === "int32") numbers[i] = bytes.readInt32LE(offset + 4 * i);
    else if (storedAs === "float16") numbers[i] = float16(bytes.readUInt16LE(offset + 2 * i));
    else throw new Error(`Weights stored as ${storedAs} are not supported`);
  }
  return numbers;
}

/** IEEE 754 half precision; the models hold no infinities. */
export function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
