import type { AttentionInputs } from "./attention_graph.ts";
import type { GraphBuilder } from "./onnx_graph.ts";
import { packedScores, packedSum, type PackedVectorInputs, unpacked } from "./packed_graph.ts";

/** One kv head's part in a layer's attention. */
export interface HeadPart {
  readonly layer: number;
  readonly head: number;
  readonly headDim: number;
  /** Query heads that share the kv head. */
  readonly groupSize: number;
  /** The new rows, rotated: `[1, S, head_dim]`. */
  readonly newKeys: string;
  /** Loose rows, the new ones last: `[1, 1, P + S, head_dim]`. */
  readonly keys: string;
  readonly values: string;
  /** Older rows in fewer bits. */
  readonly packed?: { readonly keys: PackedVectorInputs; readonly values: PackedVectorInputs };
}

/** Below `GraphBuilder.integers` nothing is longer. */
const END = 2 ** 40;
const ROWS_AXIS = 3;

/**
 * Any number of new tokens, with masks among them, and what the taps record of it. Queries stand one token after the
 * other, `[1, 1, S · G, head_dim]`, as the projection leaves them.
 *
 * @param queriesOfHead rotated, `[1, S, G · head_dim]`
 * @returns `[1, S, G · head_dim]`, and `[1, 1, R, rows]`
 */
export function attentionHead(
  graph: GraphBuilder,
  part: HeadPart,
  queriesOfHead: string,
  { mask, minusNew, queryWeights }: AttentionInputs,
): { output: string; tap: string } {
  const { headDim, groupSize, packed } = part;
  const [queries] = graph.node("Reshape", [queriesOfHead, graph.integers([1, 1, -1, headDim])]);
  const [past] = graph.node("Slice", [part.keys, graph.integers([0]), minusNew, graph.integers([2])]);
  const [newKeys] = graph.node("Unsqueeze", [part.newKeys, graph.integers([0])]);
  const [masked] = graph.node("Add", [scores(graph, queries, newKeys, headDim), mask]);
  const older = packed && unpacked(graph, packed.keys, headDim);
  const [joined] = graph.node(
    "Concat",
    [
      ...(older === undefined ? [] : [scores(graph, queries, older, headDim)]),
      scores(graph, queries, past, headDim),
      masked,
    ],
    1,
    { axis: ROWS_AXIS },
  );
  const [probabilities] = graph.node("Softmax", [joined], 1, { axis: -1 });
  const [tap] = graph.node("MatMul", [queryWeights, probabilities]);
  let attended: string;
  if (packed === undefined) attended = graph.node("MatMul", [probabilities, part.values])[0];
  else {
    const [onPacked, onLoose] = splitRows(graph, probabilities, packed.keys.quanta);
    const fromPacked = graph.node("MatMul", [onPacked, unpacked(graph, packed.values, headDim)]);
    attended = graph.node("Add", [...fromPacked, ...graph.node("MatMul", [onLoose, part.values])])[0];
  }
  return { output: graph.node("Reshape", [attended, graph.integers([1, -1, groupSize * headDim])])[0], tap };
}

/**
 * A few new tokens, where nothing is recorded and no row is packed: no row is copied, which takes most of the time where
 * there are few queries. The sums are those of {@linkcode attentionHead}.
 *
 * @param queriesOfHead rotated, `[1, S, G · head_dim]`
 * @returns `[1, S, G · head_dim]`
 */
export function fewTokensHead(
  graph: GraphBuilder,
  { keys, values, headDim, groupSize }: HeadPart,
  queriesOfHead: string,
  { mask, minusNew }: AttentionInputs,
): string {
  const [queries] = graph.node("Reshape", [queriesOfHead, graph.integers([1, 1, -1, headDim])]);
  const onAll = scores(graph, queries, keys, headDim);
  const axis = graph.integers([ROWS_AXIS]);
  const [onPast] = graph.node("Slice", [onAll, graph.integers([0]), minusNew, axis]);
  const [onNew] = graph.node("Slice", [onAll, minusNew, graph.integers([END]), axis]);
  const masked = graph.node("Add", [onNew, mask]);
  const [joined] = graph.node("Concat", [onPast, ...masked], 1, { axis: ROWS_AXIS });
  const [probabilities] = graph.node("Softmax", [joined], 1, { axis: -1 });
  const [attended] = graph.node("MatMul", [probabilities, values]);
  return graph.node("Reshape", [attended, graph.integers([1, -1, groupSize * headDim])])[0];
}

/**
 * One new token, where nothing is recorded.
 *
 * @param queries rotated and scaled, `[1, G, 1, head_dim]`
 * @returns `[1, G, 1, head_dim]`
 */
export function decodingHead(
  graph: GraphBuilder,
  { keys, values, packed, headDim, groupSize }: HeadPart,
  queries: string,
): string {
  if (packed === undefined) return graph.node("Attention", [queries, keys, values], 1, { scale: { float: 1 } })[0];
  const [ofHead] = graph.node("Reshape", [queries, graph.integers([1, 1, groupSize, headDim])]);
  const [onLoose] = graph.node("FusedMatMul", [ofHead, keys], 1, { transB: 1 }, "com.microsoft");
  const [joined] = graph.node("Concat", [packedScores(graph, packed.keys, ofHead, headDim), onLoose], 1, {
    axis: ROWS_AXIS,
  });
  const [probabilities] = graph.node("Softmax", [joined], 1, { axis: -1 });
  const [ofPacked, ofLoose] = splitRows(graph, probabilities, packed.keys.quanta);
  const fromPacked = packedSum(graph, packed.values, ofPacked, headDim);
  const [attended] = graph.node("Add", [fromPacked, ...graph.node("MatMul", [ofLoose, values])]);
  return graph.node("Reshape", [attended, graph.integers([1, groupSize, 1, headDim])])[0];
}

/** `[1, 1, S · G, head_dim]` and `[1, 1, T, head_dim]` → `[1, 1, S · G, T]` */
function scores(graph: GraphBuilder, queries: string, keys: string, headDim: number): string {
  const alpha = { float: 1 / Math.sqrt(headDim) };
  return graph.node("FusedMatMul", [queries, keys], 1, { transB: 1, alpha }, "com.microsoft")[0];
}

/** Cuts `[…, rows]` after as many rows as are packed. */
function splitRows(graph: GraphBuilder, value: string, packed: string): [string, string] {
  const [count] = graph.node("Shape", [packed], 1, { start: 2, end: 3 });
  const axis = graph.integers([ROWS_AXIS]);
  return [
    graph.node("Slice", [value, graph.integers([0]), count, axis])[0],
    graph.node("Slice", [value, count, graph.integers([END]), axis])[0],
  ];
}
