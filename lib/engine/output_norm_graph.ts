import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "./onnx_graph.ts";

/**
 * Builds the graph of what a row's value writes into the residual stream: of `values` [1, N, head_dim] through the
 * output projections of its group's query heads, `projection` [G, head_dim, hidden], the L1 norms' mean `norm1` [N] and
 * the L2 norms `norm2` [G, N].
 */
export function buildOutputNorms({ headDim, groupSize }: { headDim: number; groupSize: number }): Uint8Array {
  const graph = new GraphBuilder(NO_WEIGHTS);
  const values = graph.input("values", ELEMENT.float32, [1, "N", headDim]);
  const projection = graph.input("projection", ELEMENT.float32, [groupSize, headDim, "H"]);
  const [written] = graph.node("MatMul", [values, projection]);
  const [norm1] = graph.node("ReduceL1", [written, graph.integers([2])], 1, { keepdims: 0 });
  graph.node("ReduceMean", [norm1, graph.integers([0])], ["norm1"], { keepdims: 0 });
  graph.node("ReduceL2", [written, graph.integers([2])], ["norm2"], { keepdims: 0 });
  graph.output("norm1", ELEMENT.float32, ["N"]);
  graph.output("norm2", ELEMENT.float32, [groupSize, "N"]);
  return graph.encode();
}
