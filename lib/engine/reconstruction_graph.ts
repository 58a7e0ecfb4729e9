import { headsFirst } from "./attention_graph.ts";
import type { ModelConfig } from "./checkpoint.ts";
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "./onnx_graph.ts";

/** `plain`: KVzip's scores; `normalised`: KVzip+'s, in units of what a row adds to the residual stream. */
export type ReconstructionKind = "plain" | "normalised";

/**
 * Builds the graph of one layer's attention while a stretch of the context is repeated: softmax over sinks, stretch and
 * repeated tokens only, then for each row of the stretch the most that any new query of the group gave it.
 *
 * Inputs: `query_keys` [1, S, (heads + kv heads) · head_dim] before rotation, `cos` and `sin` [S, head_dim / 2],
 * `positions` [1, S] into them, `mask` [G·S, R], and per kv head `context.<head>` [1, C, head_dim] (sinks and stretch),
 * `repeated.<head>` [1, R, head_dim], `stretch.<head>` [1]: where the stretch begins in the context's rows, and `rows.<head>`
 * [1] = C. Normalised: `output_norms.<head>` [G, 1, C − sinks] and `input_scales` [1, S, 1].
 * Outputs: `scores.<head>`, [C − sinks].
 */
export function buildReconstruction(config: ModelConfig, kind: ReconstructionKind): Uint8Array {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, headDim } = config;
  const graph = new GraphBuilder(NO_WEIGHTS);
  const floats = (name: string, shape: (number | string)[]) => graph.input(name, ELEMENT.float32, shape);
  const axis = (index: number) => graph.integers([index]);
  const queryKeys = floats("query_keys", [1, "S", (heads + kvHeads) * headDim]);
  const [flat] = graph.node("Slice", [queryKeys, axis(0), graph.integers([heads * headDim]), axis(2)]);
  const [rotated] = graph.node(
    "RotaryEmbedding",
    [
      flat,
      graph.input("positions", ELEMENT.int64, [1, "S"]),
      floats("cos", ["S", headDim / 2]),
      floats("sin", ["S", headDim / 2]),
    ],
    1,
    { num_heads: heads, interleaved: 0 },
    "com.microsoft",
  );
  const apart = headsFirst(graph, rotated, heads, headDim);
  const [queries] = graph.node("Reshape", [apart, graph.integers([kvHeads, -1, headDim])]);
  const queriesOf = kvHeads === 1
    ? [queries]
    : graph.node("Split", [queries], kvHeads, { axis: 0, num_outputs: kvHeads });
  const mask = floats("mask", ["GS", "R"]);
  const scales = kind === "normalised" ? floats("input_scales", [1, "S", 1]) : "";
  const scale = { float: 1 / Math.sqrt(headDim) };
  for (let head = 0; head < kvHeads; head++) {
    const product = (keys: string) =>
      graph.node("FusedMatMul", [queriesOf[head], keys], 1, { transB: 1, alpha: scale }, "com.microsoft")[0];
    const context = product(floats(`context.${head}`, [1, `C${head}`, headDim]));
    const [repeated] = graph.node("Add", [product(floats(`repeated.${head}`, [1, "R", headDim])), mask]);
    const [scores] = graph.node("Concat", [context, repeated], 1, { axis: 2 });
    const [probabilities] = graph.node("Softmax", [scores], 1, { axis: -1 });
    const stretch = graph.input(`stretch.${head}`, ELEMENT.int64, [1]);
    const rows = graph.input(`rows.${head}`, ELEMENT.int64, [1]);
    let [attention] = graph.node("Slice", [probabilities, stretch, rows, axis(2)]);
    let reduced = [1];
    if (kind === "normalised") {
      const group = heads / kvHeads;
      const [shape] = graph.node("Shape", [attention], 1, { start: 2 });
      const [target] = graph.node("Concat", [graph.integers([group, -1]), shape], 1, { axis: 0 });
      const [members] = graph.node("Reshape", [attention, target]);
      const norms = floats(`output_norms.${head}`, [group, 1, `N${head}`]);
      const [weighed] = graph.node("Mul", [members, norms]);
      [attention] = graph.node("Mul", [weighed, scales]);
      reduced = [0, 1];
    }
    graph.node("ReduceMax", [attention, graph.integers(reduced)], [`scores.${head}`], { keepdims: 0 });
    graph.output(`scores.${head}`, ELEMENT.float32, kind === "normalised" ? [`N${head}`] : [1, `N${head}`]);
  }
  return graph.encode();
}
