import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";
import { BLOCK_SIZE, type QuantizedBlocks, quantizeInt4, quantizeInt8 } from "./weight_blocks.ts";

/** How the weights of linear layers are held. */
export type WeightFormat = "f32" | "int8" | "int4";

/** All weight formats. */
export const WEIGHT_FORMATS: readonly WeightFormat[] = ["f32", "int8", "int4"];

/** A matrix of weights, `[outputs, inputs]` row-major, with an optional bias, `[outputs]`. */
export interface LinearWeights {
  readonly name: string;
  readonly outputs: number;
  readonly inputs: number;
  readonly values: Float32Array;
  readonly bias?: Float32Array;
}

/** Adds a linear layer to the graph: `[1, S, inputs]` → `[1, S, outputs]`. */
export function linear(graph: GraphBuilder, input: string, weights: LinearWeights, format: WeightFormat): string {
  const product = format === "f32" ? floatProduct(graph, input, weights) : blockProduct(
    graph,
    input,
    weights,
    format === "int4" ? quantizeInt4(weights.values, weights.inputs) : quantizeInt8(weights.values),
  );
  if (weights.bias === undefined) return product;
  const bias = graph.constant(`${weights.name}.bias`, ELEMENT.float32, [weights.outputs], weights.bias);
  return graph.node("Add", [product, bias])[0];
}

function floatProduct(graph: GraphBuilder, input: string, { name, inputs, outputs, values }: LinearWeights): string {
  const matrix = graph.constant(name, ELEMENT.float32, [inputs, outputs], transpose(values, outputs, inputs));
  return graph.node("MatMul", [input, matrix])[0];
}

/** Adds a product with weights that are already in blocks. */
export function blockProduct(
  graph: GraphBuilder,
  input: string,
  { name, inputs, outputs }: Omit<LinearWeights, "values">,
  { bits, codes, scales, zeroPoints }: QuantizedBlocks,
): string {
  const blocks = inputs / BLOCK_SIZE;
  const blob = (BLOCK_SIZE * bits) / 8;
  return graph.node(
    "MatMulNBits",
    [
      input,
      graph.constant(name, ELEMENT.uint8, [outputs, blocks, blob], codes),
      graph.constant(`${name}.scales`, ELEMENT.float32, [outputs * blocks], scales),
      ...(zeroPoints === undefined
        ? []
        : [graph.constant(`${name}.zero_points`, ELEMENT.uint8, [zeroPoints.length], zeroPoints)]),
    ],
    1,
    { K: inputs, N: outputs, bits, block_size: BLOCK_SIZE, accuracy_level: 4 },
    "com.microsoft",
  )[0];
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
