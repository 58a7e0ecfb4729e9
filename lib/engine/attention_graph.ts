import { attentionHead, decodingHead, fewTokensHead } from "./attention_head_graph.ts";
import type { ModelConfig } from "./checkpoint.ts";
import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";
import { packedRowInputs } from "./packed_graph.ts";
import { isFloatRows, type RowFormat } from "./row_format.ts";

/** The inputs that every layer's attention shares. */
export interface AttentionInputs {
  /** Cosines and sines of the new tokens' positions, `[S, head_dim / 2]` each. */
  readonly cos: string;
  readonly sin: string;
  readonly mask: string;
  readonly minusNew: string;
  readonly queryWeights: string;
  /** Whether one token comes and no attention is recorded, `[]`. */
  readonly decoding: string;
  /** Whether few tokens come and no attention is recorded, `[]`. */
  readonly few: string;
}

/** What one layer's attention gives. */
export interface AttentionOutputs {
  /** `[1, S, heads · head_dim]` */
  readonly output: string;
  /** Queries and keys before rotation: `[1, S, (heads + kv heads) · head_dim]`. */
  readonly queryKeys: string;
  /** One kv head after the other: `[1, 1, R, Σ (P + S)]`; where few tokens come and R is 0, `[1, 1, 0, 0]`. */
  readonly taps: string;
}

/** The names of one kv head's rows: what is fed, and what a run writes. */
export function rowNames(layer: number, head: number): Record<"keys" | "values" | "newKeys" | "newValues", string> {
  const of = (name: string) => `${name}.${layer}.${head}`;
  return { keys: of("keys"), values: of("values"), newKeys: of("new_keys"), newValues: of("new_values") };
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
  format: RowFormat,
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
      rotate(graph, config, queryKeys, inputs),
      graph.integers([heads * headDim, ...names.map(() => headDim)]),
    ],
    [`queries.${layer}`, ...names.map(({ newKeys }) => newKeys)],
    { axis: 2 },
  );
  const parts = names.map((rows, head) => {
    graph.output(rows.newKeys, ELEMENT.float32, [1, "S", headDim]);
    graph.output(rows.newValues, ELEMENT.float32, [1, "S", headDim]);
    const dimensions = [1, 1, `T${layer}_${head}`, headDim];
    return {
      layer,
      head,
      headDim,
      groupSize,
      newKeys: rows.newKeys,
      keys: graph.input(rows.keys, ELEMENT.float32, dimensions),
      values: graph.input(rows.values, ELEMENT.float32, dimensions),
      packed: packedRowInputs(graph, format, layer, head, headDim),
    };
  });
  const [output, taps] = graph.branch(inputs.decoding, {
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
      const many = () => {
        const attended = parts.map((part, head) => attentionHead(graph, part, ofHeads[head], inputs));
        return [joined(attended.map(({ output }) => output), 2), joined(attended.map(({ tap }) => tap), 3)];
      };
      if (!isFloatRows(format)) return many();
      const few = () => {
        const attended = parts.map((part, head) => fewTokensHead(graph, part, ofHeads[head], inputs));
        return [joined(attended, 2), nothingRecorded(graph)];
      };
      return graph.branch(inputs.few, { then: few, else: many });
    },
  });
  return { output, queryKeys, taps };
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
