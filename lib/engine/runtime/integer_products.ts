import * as onnxruntime from "onnxruntime-node";
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "../graph/onnx_graph.ts";

/**
 * How a session multiplies 8-bit whole numbers so that no sum overflows: as the machine does it, or with weights without a
 * sign, which is exact on every machine and slower.
 */
export type IntegerProducts = "native" | "unsigned";

/** Options of onnxruntime's sessions, by how they multiply. */
export const INTEGER_PRODUCTS: Readonly<Record<IntegerProducts, { readonly session?: { x64quantprecision: "1" } }>> = {
  native: {},
  unsigned: { session: { x64quantprecision: "1" } },
};

/** The extreme: every activation and every weight at its largest. */
const [LENGTH, ACTIVATION, MIDDLE, WEIGHT] = [64, 255, 128, 127];
const EXPECTED = LENGTH * (ACTIVATION - MIDDLE) * WEIGHT;

let known: Promise<IntegerProducts> | undefined;

/**
 * How this machine's products of whole numbers are exact. x86 processors without VNNI add pairs of them in 16 bits and cut
 * what is too large, without a word: a product whose sum is known tells.
 *
 * @param multiply gives the sum of the extreme product; by default in onnxruntime
 * @throws {RangeError} if they are exact in no way
 */
export async function exactIntegerProducts(
  multiply: (products: IntegerProducts) => Promise<number> = extremeProduct,
): Promise<IntegerProducts> {
  for (const products of ["native", "unsigned"] as const) if (await multiply(products) === EXPECTED) return products;
  throw new RangeError(
    "Cannot hold weights as int8 as this machine's products of whole numbers overflow: take the weights f32 or int4",
  );
}

/** {@linkcode exactIntegerProducts}, asked once in a process. */
export function knownIntegerProducts(): Promise<IntegerProducts> {
  return known ??= exactIntegerProducts();
}

async function extremeProduct(products: IntegerProducts): Promise<number> {
  const graph = new GraphBuilder(NO_WEIGHTS);
  const numbers = graph.input("numbers", ELEMENT.uint8, [1, LENGTH]);
  const weights = graph.constant("weights", ELEMENT.int8, [LENGTH, 1], new Int8Array(LENGTH).fill(WEIGHT));
  const middle = graph.constant("middle", ELEMENT.uint8, [], Uint8Array.of(MIDDLE));
  const [product] = graph.node("MatMulInteger", [numbers, weights, middle]);
  graph.node("Cast", [product], ["sum"], { to: ELEMENT.float32 });
  graph.output("sum", ELEMENT.float32, [1, 1]);
  const session = await onnxruntime.InferenceSession.create(graph.encode(), {
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
    graphOptimizationLevel: "extended",
    extra: INTEGER_PRODUCTS[products],
  });
  const values = new onnxruntime.Tensor("uint8", new Uint8Array(LENGTH).fill(ACTIVATION), [1, LENGTH]);
  const { sum } = await session.run({ numbers: values });
  await session.release();
  return (sum.data as Float32Array)[0];
}
