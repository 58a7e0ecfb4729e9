import { headsFirst } from "./attention_graph.ts";
import type { ModelConfig } from "./checkpoint.ts";
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "./onnx_graph.ts";

/**
 * Builds the graph that takes one layer's `query_keys` [1, S, (heads + kv heads) · head_dim] and gives, of the tokens
 * from `first` [1] on, `mean` [heads, 1, head_dim] and `scatter` [heads, head_dim, head_dim] about it.
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
  const [centred] = graph.node("Sub", [apart, "mean"]);
  graph.node("FusedMatMul", [centred, centred], ["scatter"], { transA: 1 }, "com.microsoft");
  graph.output("mean", ELEMENT.float32, [heads, 1, headDim]);
  graph.output("scatter", ELEMENT.float32, [heads, headDim, headDim]);
  return graph.encode();
}
