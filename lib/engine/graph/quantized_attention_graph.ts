import { type CacheDtype, isFloat32, type VectorFormat } from "../rows/cache_dtype.ts";
import { INT8_ZERO } from "../rows/quantized_vectors.ts";
import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";

/** The inputs that quantized keys, or values, of one kv head come by. */
export interface QuantizedVectorInputs {
  readonly format: VectorFormat;
  /** `[1, 1, P, head_dim]`, or half of head_dim in bytes where a byte holds two. */
  readonly codes: string;
  /** By row `[P]`, by channel `[groups, head_dim]`. */
  readonly scales?: string;
  readonly mins?: string;
  /** By channel: `[P]`. */
  readonly groups?: string;
}

/** The names that quantized rows are fed by. */
export function quantizedNames(part: "keys" | "values", layer: number, head: number): Record<QuantizedPart, string> {
  const name = `quantized_${part}.${layer}.${head}`;
  return { codes: name, scales: `${name}.scales`, mins: `${name}.mins`, groups: `${name}.groups` };
}

/** What quantized vectors consist of. */
export type QuantizedPart = "codes" | "scales" | "mins" | "groups";

/** Which parts vectors of a format have. */
export function quantizedParts({ dtype, granularity }: VectorFormat): QuantizedPart[] {
  if (!dtype.startsWith("int")) return ["codes"];
  if (granularity === "channel") return ["codes", "scales", "mins", "groups"];
  return dtype === "int8" ? ["codes", "scales"] : ["codes", "scales", "mins"];
}

/** Declares the inputs of one head's quantized rows; undefined where all rows are float32. */
export function quantizedRowInputs(
  graph: GraphBuilder,
  cacheDtype: CacheDtype,
  layer: number,
  head: number,
  headDim: number,
): { keys: QuantizedVectorInputs; values: QuantizedVectorInputs } | undefined {
  if (isFloat32(cacheDtype)) return undefined;
  const inputs = (part: "keys" | "values"): QuantizedVectorInputs => {
    const names = quantizedNames(part, layer, head);
    const own = cacheDtype[part];
    const rows = `Q${layer}_${head}`;
    const scaleDimensions = own.granularity === "channel" ? [`${names.codes}.groups`, headDim] : [rows];
    const declared = quantizedParts(own).map((of): [QuantizedPart, string] => {
      if (of === "codes") {
        const width = own.dtype === "int4" ? headDim / 2 : headDim;
        return [of, graph.input(names[of], CODES[own.dtype], [1, 1, rows, width])];
      }
      if (of === "groups") return [of, graph.input(names[of], ELEMENT.int32, [rows])];
      return [of, graph.input(names[of], ELEMENT.float32, scaleDimensions)];
    });
    return { format: own, ...Object.fromEntries(declared) as Pick<QuantizedVectorInputs, QuantizedPart> };
  };
  return { keys: inputs("keys"), values: inputs("values") };
}

const CODES = { f32: ELEMENT.float32, f16: ELEMENT.float16, int8: ELEMENT.uint8, int4: ELEMENT.uint8 };

/** What quantized vectors stand for, in float32: `[1, 1, P, head_dim]`. */
export function dequantized(graph: GraphBuilder, vectors: QuantizedVectorInputs, headDim: number): string {
  const { format, codes, scales, mins, groups } = vectors;
  if (format.dtype === "f32") return codes;
  if (format.dtype === "f16") return cast(graph, codes);
  if (mins === undefined) {
    const [count] = graph.node("Shape", [scales!]);
    const zero = graph.constant("int8_zero", ELEMENT.uint8, [1], Uint8Array.of(INT8_ZERO));
    const [zeros] = graph.node("Expand", [zero, count]);
    return graph.node("DequantizeLinear", [codes, scales!, zeros], 1, { axis: 2 })[0];
  }
  const whole = format.dtype === "int8" ? cast(graph, codes) : nibbles(graph, codes);
  const ofRows = (grid: string) =>
    groups === undefined ? graph.node("Reshape", [grid, graph.integers([1, 1, -1, 1])])[0] : graph.node("Reshape", [
      graph.node("Gather", [grid, groups], 1, { axis: 0 })[0],
      graph.integers([1, 1, -1, headDim]),
    ])[0];
  const [scaled] = graph.node("Mul", [whole, ofRows(scales!)]);
  return graph.node("Add", [scaled, ofRows(mins)])[0];
}

/**
 * Scores of scaled queries against quantized keys: `[1, 1, G, head_dim]` → `[1, 1, G, P]`.
 *
 * Whole numbers of 8 bits with a scale a row are multiplied as they are. The queries become whole numbers of 14 bits in
 * two parts, high and low, so that what is lost is what the keys lost; keys are the left operand, which the runtime reads
 * in place, and their scales come after.
 */
export function quantizedScores(
  graph: GraphBuilder,
  keys: QuantizedVectorInputs,
  queries: string,
  headDim: number,
): string {
  if (scalesRows(keys.format)) return nibbleScores(graph, keys, queries, headDim);
  if (!multipliesWhole(keys.format)) return product(graph, queries, dequantized(graph, keys, headDim), "transposed");
  const { parts, scale } = wholeParts(graph, queries, "int8", 2);
  const [columns] = graph.node("Transpose", [parts], 1, { perm: [0, 1, 3, 2] });
  const [sums] = graph.node("MatMulInteger", [keys.codes, columns, int8Zero(graph)]);
  const [turned] = graph.node("Transpose", [cast(graph, sums)], 1, { perm: [0, 1, 3, 2] });
  const [whole] = graph.node("Mul", [joinParts(graph, turned, 2, "int8"), scale]);
  return graph.node("Mul", [whole, keys.scales!])[0];
}

/**
 * Sums of quantized values: `[1, 1, G, P]` → `[1, 1, G, head_dim]`. As in {@linkcode quantizedScores}: probabilities take the
 * rows' scales in and become whole numbers of 15 bits in two parts.
 */
export function quantizedSum(
  graph: GraphBuilder,
  values: QuantizedVectorInputs,
  probabilities: string,
  headDim: number,
): string {
  if (scalesRows(values.format)) return nibbleSum(graph, values, probabilities);
  if (!multipliesWhole(values.format)) {
    return product(graph, probabilities, dequantized(graph, values, headDim), "plain");
  }
  const [scaled] = graph.node("Mul", [probabilities, values.scales!]);
  const { parts, scale } = wholeParts(graph, scaled, "uint8", 2);
  const [sums] = graph.node("MatMulInteger", [parts, values.codes, int8Zero(graph), int8Zero(graph)]);
  return graph.node("Mul", [joinParts(graph, cast(graph, sums), 2, "uint8"), scale])[0];
}

function multipliesWhole({ dtype, granularity }: VectorFormat): boolean {
  return dtype === "int8" && granularity === "row";
}

function scalesRows({ dtype, granularity }: VectorFormat): boolean {
  return dtype === "int4" && granularity === "row";
}

/**
 * With a scale and a minimum a row, both come after the product. A byte b holds low = b − 16 · high and high = ⌊b / 16⌋, so
 * that low · q + high · q′ = b · q + high · (q′ − 16 q): the low parts are never taken out.
 */
function nibbleScores(graph: GraphBuilder, keys: QuantizedVectorInputs, queries: string, headDim: number): string {
  const { bytes, high } = halves(graph, keys.codes);
  const half = headDim / 2;
  const [ofLow, ofHigh] = graph.node("Split", [queries, graph.integers([half, half])], 2, { axis: 3 });
  const [rest] = graph.node("Sub", [ofHigh, graph.node("Mul", [ofLow, number(graph, 16)])[0]]);
  const [whole] = graph.node("Add", [
    product(graph, ofLow, bytes, "transposed"),
    product(graph, rest, high, "transposed"),
  ]);
  const [sum] = graph.node("ReduceSum", [queries, graph.integers([3])]);
  const [scaled] = graph.node("Mul", [whole, keys.scales!]);
  return graph.node("Add", [scaled, graph.node("Mul", [sum, keys.mins!])[0]])[0];
}

function nibbleSum(graph: GraphBuilder, values: QuantizedVectorInputs, probabilities: string): string {
  const { bytes, high } = halves(graph, values.codes);
  const [scaled] = graph.node("Mul", [probabilities, values.scales!]);
  const ofHigh = product(graph, scaled, high, "plain");
  const [ofLow] = graph.node("Sub", [
    product(graph, scaled, bytes, "plain"),
    graph.node("Mul", [ofHigh, number(graph, 16)])[0],
  ]);
  const [mins] = graph.node("Mul", [probabilities, values.mins!]);
  const [sum] = graph.node("ReduceSum", [mins, graph.integers([3])]);
  return graph.node("Add", [graph.node("Concat", [ofLow, ofHigh], 1, { axis: 3 })[0], sum])[0];
}

/** Least value that a scale may have, so that nothing is divided by 0. */
const LEAST = 1e-30;
/**
 * The largest whole number of a part, by its type. Behind bytes, signed ones go to 64 alone: x86 processors without VNNI
 * add pairs of products in 16 bits, and 2 · 255 · 64 is the most that fits.
 */
const LARGEST_WHOLE = { int8: 64, uint8: 127 } as const;

/** Numbers as whole ones, high parts and then low ones along an axis: value = (high + low / (2 · largest)) · scale. */
function wholeParts(
  graph: GraphBuilder,
  values: string,
  type: "int8" | "uint8",
  axis: number,
): { parts: string; scale: string } {
  const zero = type === "uint8"
    ? graph.constant("whole_zero", ELEMENT.uint8, [], Uint8Array.of(INT8_ZERO))
    : graph.constant("whole_signed_zero", ELEMENT.int8, [], Int8Array.of(0));
  const [size] = type === "uint8" ? [values] : graph.node("Abs", [values]);
  const [largest] = graph.node("ReduceMax", [size], 1, { keepdims: 0 });
  const [positive] = graph.node("Max", [largest, number(graph, LEAST)]);
  const most = LARGEST_WHOLE[type];
  const [scale] = graph.node("Mul", [positive, number(graph, 1 / most)]);
  const [high] = graph.node("QuantizeLinear", [values, scale, zero]);
  const [rest] = graph.node("Sub", [values, graph.node("DequantizeLinear", [high, scale, zero])[0]]);
  const [lowScale] = graph.node("Mul", [scale, number(graph, 1 / (2 * most))]);
  const [low] = graph.node("QuantizeLinear", [rest, lowScale, zero]);
  return { parts: graph.node("Concat", [high, low], 1, { axis })[0], scale };
}

/** High and low parts along an axis → their sum, low ones for less. */
function joinParts(graph: GraphBuilder, value: string, axis: number, type: keyof typeof LARGEST_WHOLE): string {
  const [high, low] = graph.node("Split", [value], 2, { axis, num_outputs: 2 });
  return graph.node("Add", [high, graph.node("Mul", [low, number(graph, 1 / (2 * LARGEST_WHOLE[type]))])[0]])[0];
}

function int8Zero(graph: GraphBuilder): string {
  return graph.constant("int8_zero", ELEMENT.uint8, [1], Uint8Array.of(INT8_ZERO));
}

/** Two numbers a byte: the low ones, then the high ones. */
function nibbles(graph: GraphBuilder, codes: string): string {
  const { bytes, high } = halves(graph, codes);
  const [low] = graph.node("Sub", [bytes, graph.node("Mul", [high, number(graph, 16)])[0]]);
  return graph.node("Concat", [low, high], 1, { axis: 3 })[0];
}

/** Bytes and their high halves as floats. */
function halves(graph: GraphBuilder, codes: string): { bytes: string; high: string } {
  const bytes = cast(graph, codes);
  return { bytes, high: graph.node("Floor", [graph.node("Mul", [bytes, number(graph, 1 / 16)])[0]])[0] };
}

function product(graph: GraphBuilder, one: string, other: string, rows: "plain" | "transposed"): string {
  if (rows === "plain") return graph.node("MatMul", [one, other])[0];
  return graph.node("FusedMatMul", [one, other], 1, { transB: 1 }, "com.microsoft")[0];
}

function number(graph: GraphBuilder, value: number): string {
  return graph.constant(`number_${value}`, ELEMENT.float32, [], Float32Array.of(value));
}

function cast(graph: GraphBuilder, value: string): string {
  return graph.node("Cast", [value], 1, { to: ELEMENT.float32 })[0];
}
