import { SINK_TOKENS } from "../../policies/policy.ts";
import type { ChunkMoments } from "../cache/state/query_moments.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { headsFirst } from "../graph/attention_graph.ts";
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "../graph/onnx_graph.ts";
import type { GraphSession } from "../runtime/graph_session.ts";

/**
 * Computes the moments of a chunk's queries, by layer. The queries of the text's sinks are outliers and do not count.
 *
 * @param queryKeys queries and keys before rotation, by layer, `[S, (heads + kv heads) · head_dim]`
 * @param position position of the chunk's first token in the text
 * @returns undefined if all tokens are sinks
 */
export async function chunkMoments(
  graph: GraphSession,
  config: ModelConfig,
  queryKeys: readonly Float32Array[],
  position: number,
): Promise<ChunkMoments[] | undefined> {
  const width = (config.numAttentionHeads + config.numKeyValueHeads) * config.headDim;
  const length = queryKeys[0].length / width;
  const first = Math.max(0, SINK_TOKENS - position);
  if (first >= length) return undefined;
  const layers: ChunkMoments[] = [];
  for (const values of queryKeys) {
    const inputs = {
      query_keys: { values, shape: [1, length, width] },
      first: { values: BigInt64Array.of(BigInt(first)), shape: [1] },
    };
    const { mean, scatter } = await graph.run(inputs, ["mean", "scatter"]);
    layers.push({ count: length - first, mean, scatter });
  }
  return layers;
}

/**
 * Builds the graph of the queries' moments in one layer.
 *
 * Inputs: `query_keys` [1, S, (heads + kv heads) · head_dim] and `first` [1], the index of the first token that counts.
 * Outputs: `mean` [heads, 1, head_dim], and `scatter` [heads, head_dim, head_dim] about it.
 */
export function buildMoments({ numAttentionHeads: heads, numKeyValueHeads, headDim }: ModelConfig): Uint8Array {
  const graph = new GraphBuilder(NO_WEIGHTS);
  const queryKeys = graph.input("query_keys", ELEMENT.float32, [1, "S", (heads + numKeyValueHeads) * headDim]);
  const first = graph.input("first", ELEMENT.int64, [1]);
  const axis = (index: number) => graph.integers([index]);
  const [queries] = graph.node("Slice", [queryKeys, axis(0), graph.integers([heads * headDim]), axis(2)]);
  const [counted] = graph.node("Slice", [queries, first, graph.integers([2 ** 40]), axis(1)]);
  const apart = headsFirst(graph, counted, heads, headDim);
  graph.node("ReduceMean", [apart, axis(1)], ["mean"], { keepdims: 1 });
  const [centered] = graph.node("Sub", [apart, "mean"]);
  graph.node("FusedMatMul", [centered, centered], ["scatter"], { transA: 1 }, "com.microsoft");
  graph.output("mean", ELEMENT.float32, [heads, 1, headDim]);
  graph.output("scatter", ELEMENT.float32, [heads, headDim, headDim]);
  return graph.encode();
}
