import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";
import { BLOCK_SIZE, type BlockFormat, INT4_BLOCKS, INT8_BLOCKS, type QuantizedBlocks } from "./weight_blocks.ts";

/** How the weights of linear layers are held. */
export type WeightFormat = "f32" | "int8" | "int4";

/** All weight formats. */
export const WEIGHT_FORMATS: readonly WeightFormat[] = ["f32", "int8", "int4"];

/** A matrix of weights, `[outputs, inputs]` row-major, with an optional bias, `[outputs]`. */
export interface LinearWeights {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
  /** Reads the matrix; called only where it is not stored yet. */
  readonly read: () => Float32Array;
  /** Reads the bias, as {@linkcode read}. */
  readonly readBias?: () => Float32Array;
}

/** Adds a linear layer to the graph: `[1, S, inputs]` → `[1, S, outputs]`. */
export function linear(graph: GraphBuilder, input: string, weights: LinearWeights, format: WeightFormat): string {
  const product = format === "f32"
    ? floatProduct(graph, input, weights)
    : blockProduct(graph, input, weights, format === "int4" ? INT4_BLOCKS : INT8_BLOCKS);
  if (weights.readBias === undefined) return product;
  const bias = graph.weight(`${weights.name}.bias`, ELEMENT.float32, [weights.outputs], weights.readBias);
  return graph.node("Add", [product, bias])[0];
}

function floatProduct(graph: GraphBuilder, input: string, { name, inputs, outputs, read }: LinearWeights): string {
  const matrix = graph.weight(name, ELEMENT.float32, [inputs, outputs], () => transpose(read(), outputs, inputs));
  return graph.node("MatMul", [input, matrix])[0];
}

/** Adds a product with weights in quantized blocks. */
export function blockProduct(
  graph: GraphBuilder,
  input: string,
  { name, inputs, outputs, read }: LinearWeights,
  format: BlockFormat,
): string {
  const { bits } = format;
  const blocks = inputs / BLOCK_SIZE;
  const quantized = once(() => format.quantize(read(), inputs));
  return graph.node(
    "MatMulNBits",
    [
      input,
      graph.weight(name, ELEMENT.uint8, [outputs, blocks, (BLOCK_SIZE * bits) / 8], () => quantized().codes),
      graph.weight(`${name}.scales`, ELEMENT.float32, [outputs * blocks], () => quantized().scales),
      ...(format.zeroPoints === "stored" ? [zeroPoints(graph, name, outputs, blocks, quantized)] : []),
    ],
    1,
    { K: inputs, N: outputs, bits, block_size: BLOCK_SIZE, accuracy_level: 4 },
    "com.microsoft",
  )[0];
}

/** Zero points of 4 bits, two a byte, each row of them in whole bytes. */
function zeroPoints(
  graph: GraphBuilder,
  name: string,
  outputs: number,
  blocks: number,
  quantized: () => QuantizedBlocks,
): string {
  const bytes = outputs * Math.ceil(blocks / 2);
  return graph.weight(`${name}.zero_points`, ELEMENT.uint8, [bytes], () => quantized().zeroPoints!);
}

/**
 * Adds a table of quantized rows and looks rows of it up: `[1, S]` ids → `[1, S, columns]`. Its blocks are those of a
 * {@linkcode blockProduct} of the same name.
 */
export function blockLookup(
  graph: GraphBuilder,
  ids: string,
  { name, outputs: rows, inputs: columns, read }: LinearWeights,
): string {
  const blocks = columns / BLOCK_SIZE;
  const quantized = once(() => INT8_BLOCKS.quantize(read(), columns));
  const scales = `${name}.scales`;
  const [looked] = graph.node(
    "GatherBlockQuantized",
    [
      graph.weight(name, ELEMENT.uint8, [rows, blocks, BLOCK_SIZE], () => quantized().codes),
      ids,
      graph.weight(`${name}.blocks`, ELEMENT.float32, [rows, blocks, 1], () => quantized().scales, scales),
    ],
    1,
    { gather_axis: 0, quantize_axis: 2, block_size: BLOCK_SIZE, bits: 8 },
    "com.microsoft",
  );
  return graph.node("Reshape", [looked, graph.integers([1, -1, columns])])[0];
}

/** A value that is made when it is first asked for. */
function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** `[rows, columns]` → `[columns, rows]` */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array<ArrayBuffer> {
  const transposed = new Float32Array(values.length);
  const TILE = 32;
  for (let rowTile = 0; rowTile < rows; rowTile += TILE) {
    const rowEnd = Math.min(rows, rowTile + TILE);
    for (let column = 0; column < columns; column++) {
      for (let row = rowTile; row < rowEnd; row++) transposed[column * rows + row] = values[row * columns + column];
    }
  }
  return transposed;
}
