import type { ModelConfig } from "./checkpoint.ts";
import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";

/** The inputs that every layer's attention shares. */
export interface AttentionInputs {
  /** Cosines and sines of the new tokens' positions, `[S, head_dim / 2]` each. */
  readonly cos: string;
  readonly sin: string;
  readonly mask: string;
  readonly queryWeights: string;
}

/** What one layer's attention gives. */
export interface AttentionOutputs {
  /** `[1, S, heads · head_dim]` */
  readonly output: string;
  /** Queries and keys before rotation: `[1, S, (heads + kv heads) · head_dim]`. */
  readonly queryKeys: string;
  /** Per kv head: `[1, R, P + S]`. */
  readonly taps: readonly string[];
}

/** The names of one kv head's rows: what is fed, and what a run writes. */
export function rowNames(layer: number, head: number): Record<"pastKeys" | "values" | "newKeys" | "newValues", string> {
  const of = (name: string) => `${name}.${layer}.${head}`;
  return { pastKeys: of("past_keys"), values: of("values"), newKeys: of("new_keys"), newValues: of("new_values") };
}

/**
 * Grouped-query attention where each kv head brings rows of its own number. The run's own rows are outputs that the
 * caller places at the end of the buffers it feeds, so that nothing is copied or joined but scores: `values` is fed with
 * its last S rows still empty, and a head's new values are written there by the split that all of its queries come
 * after.
 *
 * Queries stand one token after the other, `[S · G, head_dim]`, as the projection leaves them.
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
  const names = Array.from({ length: kvHeads }, (_, head) => rowNames(layer, head));
  const width = (heads / kvHeads) * headDim;
  const [queryKeys] = graph.node(
    "Split",
    [qkv, graph.integers([(heads + kvHeads) * headDim, ...names.map(() => headDim)])],
    [`query_keys.${layer}`, ...names.map(({ newValues }) => newValues)],
    { axis: 2 },
  );
  const queries = graph.node(
    "Split",
    [
      rotate(graph, config, queryKeys, inputs),
      graph.integers([...names.map(() => width), ...names.map(() => headDim)]),
    ],
    [...names.map((_, head) => `queries.${layer}.${head}`), ...names.map(({ newKeys }) => newKeys)],
    { axis: 2 },
  );
  const taps: string[] = [];
  const outputs = names.map((rows, head) => {
    graph.output(rows.newKeys, ELEMENT.float32, [1, "S", headDim]);
    graph.output(rows.newValues, ELEMENT.float32, [1, "S", headDim]);
    const pastKeys = graph.input(rows.pastKeys, ELEMENT.float32, [1, `P${layer}_${head}`, headDim]);
    const values = graph.input(rows.values, ELEMENT.float32, [1, `T${layer}_${head}`, headDim]);
    const [ofHead] = graph.node("Reshape", [queries[head], graph.integers([1, -1, headDim])]);
    const [masked] = graph.node("Add", [scores(graph, ofHead, rows.newKeys, headDim), inputs.mask]);
    const [joined] = graph.node("Concat", [scores(graph, ofHead, pastKeys, headDim), masked], 1, { axis: 2 });
    const [probabilities] = graph.node("Softmax", [joined], 1, { axis: -1 });
    taps.push(graph.node("MatMul", [inputs.queryWeights, probabilities])[0]);
    const [attended] = graph.node("MatMul", [probabilities, values]);
    return graph.node("Reshape", [attended, graph.integers([1, -1, width])])[0];
  });
  return { output: graph.node("Concat", outputs, 1, { axis: 2 })[0], queryKeys, taps };
}

/** `[1, S · G, head_dim]` and `[1, T, head_dim]` → `[1, S · G, T]` */
function scores(graph: GraphBuilder, queries: string, keys: string, headDim: number): string {
  const scale = { float: 1 / Math.sqrt(headDim) };
  return graph.node("FusedMatMul", [queries, keys], 1, { transB: 1, alpha: scale }, "com.microsoft")[0];
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
