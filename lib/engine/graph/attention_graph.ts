import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { type CacheDtype, isFloat32 } from "../rows/cache_dtype.ts";
import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";
import {
  dequantized,
  quantizedRowInputs,
  quantizedScores,
  quantizedSum,
  type QuantizedVectorInputs,
} from "./quantized_attention_graph.ts";

/** The inputs that every layer's attention shares. */
export interface AttentionInputs {
  /** Cosines and sines of the new tokens' positions, `[S, head_dim / 2]` each, for each kind of layer. */
  readonly rotary: readonly RotaryInputs[];
  readonly mask: string;
  readonly minusNew: string;
  readonly queryWeights: string;
  /** Rotary positions of the new tokens' queries, `[S · G, 1]`; where no layer has a window, absent. */
  readonly queryPositions?: string;
  /** Whether one token comes and no attention is recorded, `[]`. */
  readonly decoding: string;
  /** Whether few tokens come and no attention is recorded, `[]`. */
  readonly few: string;
}

/** The names of the cosines and sines of one kind of layer. */
export interface RotaryInputs {
  readonly cos: string;
  readonly sin: string;
}

/** The names that cosines and sines of a kind of layer are fed by. */
export function rotaryNames(kind: number): RotaryInputs {
  return { cos: `rotary_cos.${kind}`, sin: `rotary_sin.${kind}` };
}

/** The inputs of one layer's attention. */
interface LayerInputs extends AttentionInputs {
  /** The first position that each query sees, `[S · G, 1]`; undefined where the layer has no window. */
  readonly firstSeen?: string;
}

/** What one layer's attention gives. */
export interface AttentionOutputs {
  /** `[1, S, heads · head_dim]` */
  readonly output: string;
  /** Queries and keys before rotation: `[1, S, (heads + kv heads) · head_dim]`. */
  readonly queryKeys: string;
  /** One kv head after the other: `[1, 1, R, Σ (P + S)]`; where few tokens come and R is 0, `[1, 1, 0, 0]`. */
  readonly recordings: string;
}

/** The names of one kv head's rows: what is fed, and what a run writes. */
export function rowNames(
  layer: number,
  head: number,
): Record<"keys" | "values" | "newKeys" | "newValues" | "positions", string> {
  const of = (name: string) => `${name}.${layer}.${head}`;
  return {
    keys: of("keys"),
    values: of("values"),
    newKeys: of("new_keys"),
    newValues: of("new_values"),
    positions: of("positions"),
  };
}

/**
 * Grouped-query attention where each kv head brings rows of its own number. The run's own rows are outputs that the
 * caller places at the end of the buffers it feeds, so that rows are neither copied nor joined: `keys` and `values` are
 * fed with their last S rows still empty, and the splits that write these come before all that reads them.
 *
 * One token that is decoded takes a way of its own, where a head is a node or a few; so do a few tokens.
 *
 * @param qkv `[1, S, (heads + 2 · kv heads) · head_dim]`
 */
export function attention(
  graph: GraphBuilder,
  config: ModelConfig,
  cacheDtype: CacheDtype,
  layer: number,
  qkv: string,
  inputs: AttentionInputs,
): AttentionOutputs {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const names = Array.from({ length: kvHeads }, (_, head) => rowNames(layer, head));
  const groupSize = heads / kvHeads;
  const [queryKeys] = graph.node(
    "Split",
    [qkv, graph.integers([(heads + kvHeads) * headDim, ...names.map(() => headDim)])],
    [`query_keys.${layer}`, ...names.map(({ newValues }) => newValues)],
    { axis: 2 },
  );
  const [queries] = graph.node(
    "Split",
    [
      rotate(graph, config, queryKeys, inputs.rotary[config.rotary.layers[layer]]),
      graph.integers([heads * headDim, ...names.map(() => headDim)]),
    ],
    [`queries.${layer}`, ...names.map(({ newKeys }) => newKeys)],
    { axis: 2 },
  );
  const window = config.windows[layer];
  const parts = names.map((rows, head) => {
    graph.output(rows.newKeys, ELEMENT.float32, [1, "S", headDim]);
    graph.output(rows.newValues, ELEMENT.float32, [1, "S", headDim]);
    const dimensions = [1, 1, `T${layer}_${head}`, headDim];
    return {
      layer,
      head,
      headDim,
      scoreCap: config.traits.scoreCap,
      groupSize,
      newKeys: rows.newKeys,
      keys: graph.input(rows.keys, ELEMENT.float32, dimensions),
      values: graph.input(rows.values, ELEMENT.float32, dimensions),
      quantized: quantizedRowInputs(graph, cacheDtype, layer, head, headDim),
      ...(window === 0 ? {} : { positions: graph.input(rows.positions, ELEMENT.int32, [`P${layer}_${head}`]) }),
    };
  });
  const [output, recordings] = graph.branch(inputs.decoding, {
    then: () => {
      // With a scale of 1 the runtime reads rows as they lie; with another it packs them first.
      const [scaled] = graph.node("Mul", [queries, scale(graph, headDim)]);
      const [apart] = graph.node("Reshape", [scaled, graph.integers([kvHeads, groupSize, 1, headDim])]);
      const ofHeads = graph.node("Split", [apart, graph.integers(names.map(() => 1))], kvHeads, { axis: 0 });
      const attended = parts.map((part, head) => decodingHead(graph, part, ofHeads[head]));
      const [joined] = graph.node("Concat", attended, 1, { axis: 1 });
      return [
        graph.node("Reshape", [joined, graph.integers([1, 1, heads * headDim])])[0],
        nothingRecorded(graph),
      ];
    },
    else: () => {
      const ofHeads = graph.node("Split", [queries, graph.integers(names.map(() => groupSize * headDim))], kvHeads, {
        axis: 2,
      });
      const joined = (values: readonly string[], axis: number) => graph.node("Concat", values, 1, { axis })[0];
      const layerInputs = { ...inputs, firstSeen: firstSeen(graph, inputs, window) };
      const many = () => {
        const attended = parts.map((part, head) => attentionHead(graph, part, ofHeads[head], layerInputs));
        return [joined(attended.map(({ output }) => output), 2), joined(attended.map(({ recording }) => recording), 3)];
      };
      if (!isFloat32(cacheDtype)) return many();
      const few = () => {
        const attended = parts.map((part, head) => fewTokensHead(graph, part, ofHeads[head], layerInputs));
        return [joined(attended, 2), nothingRecorded(graph)];
      };
      return graph.branch(inputs.few, { then: few, else: many });
    },
  });
  return { output, queryKeys, recordings };
}

/** The first position that each query sees, `[S · G, 1]`; undefined where the layer has no window. */
function firstSeen(graph: GraphBuilder, { queryPositions }: AttentionInputs, window: number): string | undefined {
  if (window === 0 || queryPositions === undefined) return undefined;
  const reach = graph.constant(`reach_${window - 1}`, ELEMENT.int32, [], Int32Array.of(window - 1));
  return graph.node("Sub", [queryPositions, reach])[0];
}

/** A value of a branch's own, as a branch may not give an outer constant. */
function nothingRecorded(graph: GraphBuilder): string {
  return graph.node("Identity", [
    graph.constant("no_attention", ELEMENT.float32, [1, 1, 0, 0], new Float32Array(0)),
  ])[0];
}

function scale(graph: GraphBuilder, headDim: number): string {
  return graph.constant("query_scale", ELEMENT.float32, [], Float32Array.of(1 / Math.sqrt(headDim)));
}

/** The tables come with every run and begin at its first token: no position is past their end. */
function rotate(graph: GraphBuilder, config: ModelConfig, queryKeys: string, { cos, sin }: RotaryInputs): string {
  return graph.node(
    "RotaryEmbedding",
    [queryKeys, graph.integers([0]), cos, sin],
    1,
    { num_heads: config.numAttentionHeads + config.numKeyValueHeads, interleaved: 0 },
    "com.microsoft",
  )[0];
}

/** `[1, S, heads · head_dim]` → `[heads, S, head_dim]` */
export function headsFirst(graph: GraphBuilder, value: string, heads: number, headDim: number): string {
  const [apart] = graph.node("Reshape", [value, graph.integers([-1, heads, headDim])]);
  return graph.node("Transpose", [apart], 1, { perm: [1, 0, 2] })[0];
}

/** One kv head's part in a layer's attention. */
export interface HeadPart {
  readonly layer: number;
  readonly head: number;
  readonly headDim: number;
  /** Scores become cap · tanh(score / cap); 0: they stay. */
  readonly scoreCap: number;
  /** Query heads that share the kv head. */
  readonly groupSize: number;
  /** The new rows, rotated: `[1, S, head_dim]`. */
  readonly newKeys: string;
  /** Rows in float32, the new ones last: `[1, 1, P + S, head_dim]`. */
  readonly keys: string;
  readonly values: string;
  /** Rotary positions of all rows, `[rows]`, where the layer has a window; empty where one token is decoded. */
  readonly positions?: string;
  /** Older rows, quantized. */
  readonly quantized?: { readonly keys: QuantizedVectorInputs; readonly values: QuantizedVectorInputs };
}

/** Below `GraphBuilder.integers` nothing is longer. */
const END = 2 ** 40;
const ROWS_AXIS = 3;

/**
 * Any number of new tokens, with masks among them, and the attention that is recorded. Queries stand one token after the
 * other, `[1, 1, S · G, head_dim]`, as the projection leaves them.
 *
 * @param queriesOfHead rotated, `[1, S, G · head_dim]`
 * @returns `[1, S, G · head_dim]`, and `[1, 1, R, rows]`
 */
function attentionHead(
  graph: GraphBuilder,
  part: HeadPart,
  queriesOfHead: string,
  { mask, minusNew, queryWeights, firstSeen }: LayerInputs,
): { output: string; recording: string } {
  const { headDim, groupSize, quantized } = part;
  const [queries] = graph.node("Reshape", [queriesOfHead, graph.integers([1, 1, -1, headDim])]);
  const [past] = graph.node("Slice", [part.keys, graph.integers([0]), minusNew, graph.integers([2])]);
  const [newKeys] = graph.node("Unsqueeze", [part.newKeys, graph.integers([0])]);
  const [masked] = graph.node("Add", [scores(graph, queries, newKeys, part), mask]);
  const older = quantized && dequantized(graph, quantized.keys, headDim);
  const [joined] = graph.node(
    "Concat",
    [
      ...(older === undefined ? [] : [scores(graph, queries, older, part)]),
      scores(graph, queries, past, part),
      masked,
    ],
    1,
    { axis: ROWS_AXIS },
  );
  const [probabilities] = graph.node("Softmax", [withinWindow(graph, joined, part, firstSeen)], 1, { axis: -1 });
  const [recording] = graph.node("MatMul", [queryWeights, probabilities]);
  let attended: string;
  if (quantized === undefined) attended = graph.node("MatMul", [probabilities, part.values])[0];
  else {
    const [onQuantized, onFullPrecision] = splitRows(graph, probabilities, quantized.keys.codes);
    const fromQuantized = graph.node("MatMul", [onQuantized, dequantized(graph, quantized.values, headDim)]);
    attended = graph.node("Add", [...fromQuantized, ...graph.node("MatMul", [onFullPrecision, part.values])])[0];
  }
  return { output: graph.node("Reshape", [attended, graph.integers([1, -1, groupSize * headDim])])[0], recording };
}

/**
 * A few new tokens, where nothing is recorded and no row is quantized: no row is copied, which takes most of the time where
 * there are few queries. The sums are those of {@linkcode attentionHead}.
 *
 * @param queriesOfHead rotated, `[1, S, G · head_dim]`
 * @returns `[1, S, G · head_dim]`
 */
function fewTokensHead(
  graph: GraphBuilder,
  part: HeadPart,
  queriesOfHead: string,
  { mask, minusNew, firstSeen }: LayerInputs,
): string {
  const { keys, values, headDim, groupSize } = part;
  const [queries] = graph.node("Reshape", [queriesOfHead, graph.integers([1, 1, -1, headDim])]);
  const onAll = scores(graph, queries, keys, part);
  const axis = graph.integers([ROWS_AXIS]);
  const [onPast] = graph.node("Slice", [onAll, graph.integers([0]), minusNew, axis]);
  const [onNew] = graph.node("Slice", [onAll, minusNew, graph.integers([END]), axis]);
  const masked = graph.node("Add", [onNew, mask]);
  const [joined] = graph.node("Concat", [onPast, ...masked], 1, { axis: ROWS_AXIS });
  const [probabilities] = graph.node("Softmax", [withinWindow(graph, joined, part, firstSeen)], 1, { axis: -1 });
  const [attended] = graph.node("MatMul", [probabilities, values]);
  return graph.node("Reshape", [attended, graph.integers([1, -1, groupSize * headDim])])[0];
}

/**
 * One new token, where nothing is recorded.
 *
 * @param queries rotated and scaled, `[1, G, 1, head_dim]`
 * @returns `[1, G, 1, head_dim]`
 */
function decodingHead(
  graph: GraphBuilder,
  { keys, values, quantized, headDim, groupSize, scoreCap }: HeadPart,
  queries: string,
): string {
  if (quantized === undefined) {
    return graph.node("Attention", [queries, keys, values], 1, {
      scale: { float: 1 },
      softcap: { float: scoreCap },
    })[0];
  }
  const [ofHead] = graph.node("Reshape", [queries, graph.integers([1, 1, groupSize, headDim])]);
  const [onFullPrecision] = graph.node("FusedMatMul", [ofHead, keys], 1, { transB: 1 }, "com.microsoft");
  const [joined] = graph.node("Concat", [quantizedScores(graph, quantized.keys, ofHead, headDim), onFullPrecision], 1, {
    axis: ROWS_AXIS,
  });
  const [probabilities] = graph.node("Softmax", [capped(graph, joined, scoreCap)], 1, { axis: -1 });
  const [ofQuantized, ofFullPrecision] = splitRows(graph, probabilities, quantized.keys.codes);
  const fromQuantized = quantizedSum(graph, quantized.values, ofQuantized, headDim);
  const [attended] = graph.node("Add", [fromQuantized, ...graph.node("MatMul", [ofFullPrecision, values])]);
  return graph.node("Reshape", [attended, graph.integers([1, groupSize, 1, headDim])])[0];
}

/** Scores `[1, 1, S · G, T]`, of rows before each query's first one too low to count. */
function withinWindow(
  graph: GraphBuilder,
  all: string,
  { positions }: HeadPart,
  firstSeen: string | undefined,
): string {
  if (positions === undefined || firstSeen === undefined) return all;
  const [left] = graph.node("Less", [positions, firstSeen]);
  const low = graph.constant("out_of_window", ELEMENT.float32, [], Float32Array.of(-1e9));
  return graph.node("Where", [left, low, all])[0];
}

/** `[1, 1, S · G, head_dim]` and `[1, 1, T, head_dim]` → `[1, 1, S · G, T]` */
function scores(graph: GraphBuilder, queries: string, keys: string, { headDim, scoreCap }: HeadPart): string {
  const alpha = { float: 1 / Math.sqrt(headDim) };
  const [product] = graph.node("FusedMatMul", [queries, keys], 1, { transB: 1, alpha }, "com.microsoft");
  return capped(graph, product, scoreCap);
}

/** cap · tanh(value / cap); the value where the cap is 0. */
export function capped(graph: GraphBuilder, value: string, cap: number): string {
  if (cap === 0) return value;
  const number = (of: number) => graph.constant(`number_${of}`, ELEMENT.float32, [], Float32Array.of(of));
  const [small] = graph.node("Mul", [value, number(1 / cap)]);
  return graph.node("Mul", [...graph.node("Tanh", [small]), number(cap)])[0];
}

/** Cuts `[…, rows]` after as many rows as are quantized. */
function splitRows(graph: GraphBuilder, value: string, quantized: string): [string, string] {
  const [count] = graph.node("Shape", [quantized], 1, { start: 2, end: 3 });
  const axis = graph.integers([ROWS_AXIS]);
  return [
    graph.node("Slice", [value, graph.integers([0]), count, axis])[0],
    graph.node("Slice", [value, count, graph.integers([END]), axis])[0],
  ];
}
