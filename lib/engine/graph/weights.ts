import type { RowSpan } from "../checkpoint/tensor_format.ts";
import { ELEMENT, type GraphBuilder, type WeightOrigin, type WeightPieces, wholeWeight } from "./onnx_graph.ts";
import {
  type BlockFormat,
  hadamard,
  INT4_BLOCKS,
  INT8_BLOCKS,
  type MatrixPart,
  quantizeChannels,
  rotationLength,
  storedBlocks,
  transpose,
} from "./quantized_weights.ts";

/** How the weights of linear layers are held: as the checkpoint's file has them, or in one format all. */
export type WeightFormat = "file" | "f32" | "int8" | "int4";

/** All weight formats. */
export const WEIGHT_FORMATS: readonly WeightFormat[] = ["file", "f32", "int8", "int4"];

/** A matrix of weights, `[outputs, inputs]` row-major, with an optional bias, `[outputs]`. */
export interface LinearWeights {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
  /** Its rows, part by part. */
  readonly parts: readonly MatrixPart[];
  /** Reads the bias; called only where it is not stored yet. */
  readonly readBias?: () => Float32Array;
}

/** Adds a linear layer to the graph: `[1, S, inputs]` → `[1, S, outputs]`. */
export function linear(graph: GraphBuilder, input: string, weights: LinearWeights, format: WeightFormat): string {
  const product = productIn(graph, input, weights, format);
  if (weights.readBias === undefined) return product;
  const bias = graph.weight(`${weights.name}.bias`, ELEMENT.float32, [weights.outputs], wholeWeight(weights.readBias));
  return graph.node("Add", [product, bias])[0];
}

function productIn(graph: GraphBuilder, input: string, weights: LinearWeights, format: WeightFormat): string {
  if (format === "int8") return integerProduct(graph, input, weights);
  const blocks = format === "int4" ? INT4_BLOCKS : wideBlocks(weights, format, 4);
  return blocks === undefined ? floatProduct(graph, input, weights) : blockProduct(graph, input, weights, blocks);
}

/**
 * The blocks of a matrix with a row for each token, which decides the words and stays at 8 bits where the rest goes to 4;
 * undefined for floats.
 */
export function vocabularyBlocks(weights: LinearWeights, format: WeightFormat): BlockFormat | undefined {
  return wideBlocks(weights, format, 8);
}

function wideBlocks({ parts }: LinearWeights, format: WeightFormat, least: 4 | 8): BlockFormat | undefined {
  if (format === "f32") return undefined;
  return format === "file" ? storedBlocks(parts.map(({ dtype }) => dtype), least) : INT8_BLOCKS;
}

/** Numbers that are made at once: 16 MB as float32. */
const PIECE_NUMBERS = 1 << 22;

/** Makes a matrix some rows at a time. */
function* inPieces(
  { parts }: LinearWeights,
  make: (part: MatrixPart, rows: RowSpan) => WeightPieces,
): Generator<WeightPieces, void, undefined> {
  for (const part of parts) {
    const height = Math.max(1, Math.floor(PIECE_NUMBERS / part.columns));
    for (let start = 0; start < part.rows; start += height) {
      yield make(part, { start, end: Math.min(part.rows, start + height) });
    }
  }
}

/** Adds a product with float32 weights. */
export function floatProduct(graph: GraphBuilder, input: string, weights: LinearWeights): string {
  const { name, inputs, outputs } = weights;
  const pieces = () =>
    inPieces(weights, (part, rows) => ({ columns: transpose(part.read(rows), rows.end - rows.start, inputs) }));
  const matrix = graph.weight(name, ELEMENT.float32, [inputs, outputs], { pieces, part: "columns", rows: inputs });
  return graph.node("MatMul", [input, matrix])[0];
}

/** Adds a table of float32 rows and looks rows of it up: `[1, S]` ids → `[1, S, columns]`. */
export function floatLookup(graph: GraphBuilder, ids: string, weights: LinearWeights): string {
  const { name, outputs, inputs } = weights;
  const pieces = () => inPieces(weights, (part, rows) => ({ rows: part.read(rows) }));
  const table = graph.weight(name, ELEMENT.float32, [outputs, inputs], { pieces, part: "rows", rows: 1 });
  return graph.node("Gather", [table, ids])[0];
}

/** The largest code of a number that is quantized, on either side of 0. */
const LARGEST_CODE = 127;

/**
 * Adds a product of whole numbers: weights by channel, and each token's activations by a scale of their own, both rotated
 * (see {@linkcode quantizeChannels}). What a token gives does not depend on the tokens beside it, not in its last bit.
 */
export function integerProduct(graph: GraphBuilder, input: string, weights: LinearWeights): string {
  const { name, inputs, outputs } = weights;
  const pieces = () => inPieces(weights, (part, rows) => ({ ...quantizeChannels(part, rows) }));
  const codes = graph.weight(name, ELEMENT.int8, [inputs, outputs], { pieces, part: "codes", rows: inputs });
  const scales = graph.weight(`${name}.scales`, ELEMENT.float32, [outputs], { pieces, part: "scales", rows: 1 });
  const step = graph.constant("code_step", ELEMENT.float32, [], Float32Array.of(1 / LARGEST_CODE));
  // Runtimes multiply whole numbers fastest where the left ones have no sign and the right ones do.
  const middle = graph.constant("middle_code", ELEMENT.uint8, [], Uint8Array.of(128));
  const rotated = rotate(graph, input, inputs);
  const [sizes] = graph.node("Abs", [rotated]);
  const [largest] = graph.node("ReduceMax", [sizes, graph.integers([-1])], 1, { keepdims: 1 });
  const [apart] = graph.node("Div", [rotated, largest]);
  const [quantized] = graph.node("QuantizeLinear", [apart, step, middle]);
  const [product] = graph.node(
    "MatMulIntegerToFloat",
    [quantized, codes, step, scales, middle],
    1,
    {},
    "com.microsoft",
  );
  return graph.node("Mul", [product, largest])[0];
}

/** Rotates activations, `[1, S, columns]`, as {@linkcode quantizeChannels} rotates weights. */
function rotate(graph: GraphBuilder, input: string, columns: number): string {
  const length = rotationLength(columns);
  if (length === 1) return input;
  const matrix = graph.constant(`rotation_${length}`, ELEMENT.float32, [length, length], hadamard(length));
  const [apart] = graph.node("Reshape", [input, graph.integers([1, -1, columns / length, length])]);
  const [rotated] = graph.node("MatMul", [apart, matrix]);
  return graph.node("Reshape", [rotated, graph.integers([1, -1, columns])])[0];
}

/** Adds a product with weights in quantized blocks; what is added to a block's values is added to the product. */
export function blockProduct(graph: GraphBuilder, input: string, weights: LinearWeights, format: BlockFormat): string {
  const { name, inputs, outputs } = weights;
  const { bits, blockLength } = format;
  const blocks = Math.ceil(inputs / blockLength);
  const parts = blockWeights(graph, weights, format);
  const [product] = graph.node(
    "MatMulNBits",
    [
      input,
      parts.codes([outputs, blocks, (blockLength * bits) / 8]),
      parts.scales([outputs * blocks]),
      ...parts.zeroPoints(),
    ],
    1,
    { K: inputs, N: outputs, bits, block_size: blockLength, accuracy_level: 4 },
    "com.microsoft",
  );
  if (format.mins === "none") return product;
  const mins = graph.weight(
    `${name}.mins`,
    ELEMENT.float32,
    [blocks, outputs],
    { pieces: parts.pieces, part: "minColumns", rows: blocks },
  );
  const [apart] = graph.node("Reshape", [input, graph.integers([1, -1, blocks, blockLength])]);
  const [sums] = graph.node("ReduceSum", [apart, graph.integers([3])], 1, { keepdims: 0 });
  return graph.node("Add", [product, ...graph.node("MatMul", [sums, mins])])[0];
}

/**
 * Adds a table of quantized rows and looks rows of it up: `[1, S]` ids → `[1, S, columns]`. Its blocks are those of a
 * {@linkcode blockProduct} of the same name.
 */
export function blockLookup(graph: GraphBuilder, ids: string, weights: LinearWeights, format: BlockFormat): string {
  const { name, outputs: rows, inputs: columns } = weights;
  const { bits, blockLength } = format;
  const blocks = Math.ceil(columns / blockLength);
  const parts = blockWeights(graph, weights, format);
  let [looked] = graph.node(
    "GatherBlockQuantized",
    [parts.codes([rows, blocks, (blockLength * bits) / 8]), ids, parts.scales([rows, blocks, 1], `${name}.blocks`)],
    1,
    { gather_axis: 0, quantize_axis: 2, block_size: blockLength, bits },
    "com.microsoft",
  );
  if (format.mins === "stored") {
    const table = graph.weight(`${name}.row_mins`, ELEMENT.float32, [rows, blocks, 1], parts.origin("mins"));
    [looked] = graph.node("Add", [looked, ...graph.node("Gather", [table, ids])]);
  }
  const [row] = graph.node("Reshape", [looked, graph.integers([1, -1, blocks * blockLength])]);
  if (blocks * blockLength === columns) return row;
  return graph.node("Slice", [row, graph.integers([0]), graph.integers([columns]), graph.integers([2])])[0];
}

/** The weights of a matrix in blocks, which are quantized together. */
function blockWeights(graph: GraphBuilder, weights: LinearWeights, format: BlockFormat): {
  pieces: WeightOrigin["pieces"];
  origin: (part: string) => WeightOrigin;
  codes: (shape: readonly number[]) => string;
  scales: (shape: readonly number[], name?: string) => string;
  zeroPoints: () => string[];
} {
  const { name, inputs, outputs } = weights;
  const blocks = Math.ceil(inputs / format.blockLength);
  const pieces = () =>
    inPieces(weights, (part, rows) => {
      const made = format.quantize(part, rows);
      return { ...made, minColumns: made.mins && transpose(made.mins, rows.end - rows.start, blocks) };
    });
  const origin = (part: string) => ({ pieces, part, rows: 1 });
  const stored = `${name}.scales`;
  return {
    pieces,
    origin,
    codes: (shape) => graph.weight(name, ELEMENT.uint8, shape, origin("codes")),
    scales: (shape, as = stored) => graph.weight(as, ELEMENT.float32, shape, origin("scales"), stored),
    zeroPoints: () => {
      if (format.zeroPoints === "middle") return [];
      const bytes = outputs * Math.ceil(blocks / 2);
      return [graph.weight(`${name}.zero_points`, ELEMENT.uint8, [bytes], origin("zeroPoints"))];
    },
  };
}
