import { type Rotary, rotaryTables } from "../../numeric/rotary.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { headsFirst } from "../graph/attention_graph.ts";
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "../graph/onnx_graph.ts";
import type { GraphSession } from "../runtime/graph_session.ts";

/**
 * Computes the attention that each token of a chunk gets from all tokens of the chunk, later ones and earlier ones alike:
 * what a query would look at if nothing were masked, summed over the queries, over the group's heads the mean. Scores are
 * not scaled, as in kvpress. Compactor's second part (Chari and Van Durme 2025, https://arxiv.org/abs/2507.08143).
 *
 * @param graph of {@linkcode buildNonCausalAttention}
 * @param queryKeys queries and keys before rotation, by layer, `[S, (heads + kv heads) · head_dim]`
 * @param position rotary position of the chunk's first token
 * @returns `[layer · kv heads + kv head]`, `[S]` each
 */
export async function nonCausalAttention(
  graph: GraphSession,
  { numAttentionHeads, numKeyValueHeads, headDim }: ModelConfig,
  queryKeys: readonly Float32Array[],
  { kinds, layers }: Rotary,
  position: number,
): Promise<Float32Array[]> {
  const width = (numAttentionHeads + numKeyValueHeads) * headDim;
  const length = queryKeys[0].length / width;
  const tables = kinds.map((frequencies) => rotaryTables(frequencies, length, position));
  const heads: Float32Array[] = [];
  for (const [layer, values] of queryKeys.entries()) {
    const { cos, sin } = tables[layers[layer]];
    const shape = [length, headDim / 2];
    const { attention } = await graph.run({
      query_keys: { values, shape: [1, length, width] },
      cos: { values: cos, shape },
      sin: { values: sin, shape },
    }, ["attention"]);
    for (let head = 0; head < numKeyValueHeads; head++) {
      heads.push(attention.subarray(head * length, (head + 1) * length));
    }
  }
  return heads;
}

/**
 * Builds the graph of one layer's attention without a mask.
 *
 * Inputs: `query_keys` [1, S, (heads + kv heads) · head_dim] before rotation, `cos` and `sin` [S, head_dim / 2].
 * Output: `attention` [kv heads, S].
 */
export function buildNonCausalAttention(config: ModelConfig): Uint8Array {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const graph = new GraphBuilder(NO_WEIGHTS);
  const floats = (name: string, shape: (number | string)[]) => graph.input(name, ELEMENT.float32, shape);
  const queryKeys = floats("query_keys", [1, "S", (heads + kvHeads) * headDim]);
  const [rotated] = graph.node(
    "RotaryEmbedding",
    [queryKeys, graph.integers([0]), floats("cos", ["S", headDim / 2]), floats("sin", ["S", headDim / 2])],
    1,
    { num_heads: heads + kvHeads, interleaved: 0 },
    "com.microsoft",
  );
  const apart = headsFirst(graph, rotated, heads + kvHeads, headDim);
  const [queries, keys] = graph.node("Split", [apart, graph.integers([heads, kvHeads])], 2, { axis: 0 });
  // A group's queries stand one head after the other: [kv heads, G · S, head_dim].
  const [grouped] = graph.node("Reshape", [queries, graph.integers([kvHeads, -1, headDim])]);
  const [scores] = graph.node("FusedMatMul", [grouped, keys], 1, { transB: 1 }, "com.microsoft");
  const [probabilities] = graph.node("Softmax", [scores], 1, { axis: -1 });
  const [summed] = graph.node("ReduceSum", [probabilities, graph.integers([1])], 1, { keepdims: 0 });
  const group = graph.constant("group_size", ELEMENT.float32, [], Float32Array.of(heads / kvHeads));
  graph.node("Div", [summed, group], ["attention"]);
  graph.output("attention", ELEMENT.float32, [kvHeads, "S"]);
  return graph.encode();
}
