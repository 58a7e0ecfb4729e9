import type { ModelConfig } from "./checkpoint.ts";
import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";

/** The inputs that every layer's attention shares. */
export interface AttentionInputs {
  /** Cosines and sines of the new tokens' positions, `[S, head_dim / 2]` each. */
  readonly cos: string;
  readonly sin: string;
  readonly mask: string;
  readonly minusNew: string;
  readonly queryWeights: string;
}

/** What one layer's attention gives. */
export interface AttentionOutputs {
  /** `[1, S, heads · head_dim]` */
  readonly output: string;
  /** New rows, rotated: `[kv heads, S, head_dim]`. */
  readonly keys: string;
  readonly values: string;
  /** Queries and keys before rotation: `[1, S, (heads + kv heads) · head_dim]`. */
  readonly queryKeys: string;
  /** Per kv head: `[1, R, P + S]`. */
  readonly taps: readonly string[];
}

/**
 * Grouped-query attention where each kv head brings rows of its own number: the new queries meet the past keys, which
 * are read in place, and the new keys apart, and only the scores are joined.
 *
 * @param qkv `[1, S, (heads + 2 · kv heads) · head_dim]`
 */
export function attention(
  graph: GraphBuilder,
  config: ModelConfig,
  layer: number,
  qkv: string,
  inputs: AttentionInputs,
): AttentionOutputs {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const scale = { float: 1 / Math.sqrt(headDim) };
  const [queryKeys, flatValues] = graph.node(
    "Split",
    [qkv, graph.integers([(heads + kvHeads) * headDim, kvHeads * headDim])],
    [`query_keys.${layer}`, `values.${layer}`],
    { axis: 2 },
  );
  const rotated = rotate(graph, config, queryKeys, inputs);
  const [queryHeads, keys] = graph.node(
    "Split",
    [headsFirst(graph, rotated, heads + kvHeads, headDim), graph.integers([heads, kvHeads])],
    2,
    { axis: 0 },
  );
  const values = headsFirst(graph, flatValues, kvHeads, headDim);
  const [queries] = graph.node("Reshape", [queryHeads, graph.integers([kvHeads, -1, headDim])]);
  const [raw] = graph.node("FusedMatMul", [queries, keys], 1, { transB: 1, alpha: scale }, "com.microsoft");
  const [newScores] = graph.node("Add", [raw, inputs.mask]);

  const split = (value: string) =>
    kvHeads === 1 ? [value] : graph.node("Split", [value], kvHeads, { axis: 0, num_outputs: kvHeads });
  const queriesOf = split(queries);
  const newScoresOf = split(newScores);
  const newValuesOf = split(values);
  const outputs: string[] = [];
  const taps: string[] = [];
  for (let head = 0; head < kvHeads; head++) {
    const dimensions = [1, `P${layer}_${head}`, headDim];
    const pastKeys = graph.input(`past.${layer}.${head}.key`, ELEMENT.float32, dimensions);
    const pastValues = graph.input(`past.${layer}.${head}.value`, ELEMENT.float32, dimensions);
    const [pastScores] = graph.node(
      "FusedMatMul",
      [queriesOf[head], pastKeys],
      1,
      { transB: 1, alpha: scale },
      "com.microsoft",
    );
    const [scores] = graph.node("Concat", [pastScores, newScoresOf[head]], 1, { axis: 2 });
    const [probabilities] = graph.node("Softmax", [scores], 1, { axis: -1 });
    taps.push(graph.node("MatMul", [inputs.queryWeights, probabilities])[0]);
    const axis = graph.integers([2]);
    const [onPast] = graph.node("Slice", [probabilities, graph.integers([0]), inputs.minusNew, axis]);
    const [onNew] = graph.node("Slice", [probabilities, inputs.minusNew, graph.integers([2 ** 40]), axis]);
    const [fromPast] = graph.node("MatMul", [onPast, pastValues]);
    const [fromNew] = graph.node("MatMul", [onNew, newValuesOf[head]]);
    outputs.push(graph.node("Add", [fromPast, fromNew])[0]);
  }
  return { output: headsLast(graph, outputs, heads, headDim), keys, values, queryKeys, taps };
}

/** The tables come with every run and begin at its first token: no position is past their end. */
function rotate(graph: GraphBuilder, config: ModelConfig, queryKeys: string, { cos, sin }: AttentionInputs): string {
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

/** kv heads of `[1, G · S, head_dim]` → `[1, S, heads · head_dim]` */
function headsLast(graph: GraphBuilder, outputs: readonly string[], heads: number, headDim: number): string {
  const [joined] = graph.node("Concat", outputs, 1, { axis: 0 });
  const [apart] = graph.node("Reshape", [joined, graph.integers([heads, -1, headDim])]);
  const [turned] = graph.node("Transpose", [apart], 1, { perm: [1, 0, 2] });
  return graph.node("Reshape", [turned, graph.integers([1, -1, heads * headDim])])[0];
}
