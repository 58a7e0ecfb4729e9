import type { Checkpoint, WeightFormat } from "kvmirror/engine";
import { decoderLayers, lastProjection } from "../../../../lib/engine/graph/decoder_layers.ts";
import { ELEMENT, GraphBuilder, type WeightStore, wholeWeight } from "../../../../lib/engine/graph/onnx_graph.ts";
import { rotaryTables } from "../../../../lib/numeric/rotary.ts";

/** Raised whenever this graph or the engine's part of it changes, so that folders of earlier versions are built anew. */
export const DECODER_VERSION = 10;

const INT32 = 6;

/**
 * Builds the decoder as transformers.js runs it: onnxruntime's GroupQueryAttention with a past and a present per layer,
 * `[1, kv heads, T, head_dim]`. All but attention is the engine's own graph, weights to the byte, so that a comparison
 * of the two is one of attention and cache.
 *
 * Inputs: `input_ids` [1, S], `attention_mask` [1, T], `num_logits_to_keep` [] (0: all), and per layer
 * `past_key_values.<layer>.key` and `.value` [1, kv heads, P, head_dim]. Outputs: `logits` [1, M, vocab], and per layer
 * `present.<layer>.key` and `.value`. The batch is 1.
 */
export function buildGroupedQueryDecoder(checkpoint: Checkpoint, format: WeightFormat, store: WeightStore): Uint8Array {
  const graph = new GraphBuilder(store);
  const { config } = checkpoint;
  const context = { graph, checkpoint, format };
  const ids = graph.input("input_ids", ELEMENT.int64, [1, "S"]);
  const mask = graph.input("attention_mask", ELEMENT.int64, [1, "T"]);
  const lengths = sequenceLengths(graph, mask);
  const { rotary, windows, traits } = config;
  if (rotary.kinds.length > 1 || windows.some((window) => window > 0) || traits.scoreCap + traits.logitCap > 0) {
    throw new RangeError(
      `Cannot build ${config.architecture} for transformers.js as its layers differ: models whose layers turn positions ` +
        `alike, without windows or caps, can be`,
    );
  }
  const { cos, sin } = rotaryTables(rotary.kinds[0], config.maxPositionEmbeddings);
  const tableShape = [config.maxPositionEmbeddings, config.headDim / 2];
  const tables = [
    graph.weight("rotary.cos", ELEMENT.float32, tableShape, wholeWeight(() => cos)),
    graph.weight("rotary.sin", ELEMENT.float32, tableShape, wholeWeight(() => sin)),
  ];
  const cacheOf = (kind: string, layer: number, length: string, declare: "input" | "output") =>
    ["key", "value"].map((part) => {
      const name = `${kind}.${layer}.${part}`;
      graph[declare](name, ELEMENT.float32, [1, config.numKeyValueHeads, length, config.headDim]);
      return name;
    });

  const hidden = decoderLayers(context, ids, (layer, qkv) => {
    const past = cacheOf("past_key_values", layer, "P", "input");
    const present = cacheOf("present", layer, "T", "output");
    return graph.node(
      "GroupQueryAttention",
      [qkv, "", "", ...past, ...lengths, ...tables],
      [`attended.${layer}`, ...present],
      {
        num_heads: config.numAttentionHeads,
        kv_num_heads: config.numKeyValueHeads,
        scale: { float: 1 / Math.sqrt(config.headDim) },
        do_rotary: 1,
        rotary_interleaved: 0,
      },
      "com.microsoft",
    )[0];
  });
  graph.node("Identity", [lastProjection(context, lastRows(graph, hidden))], ["logits"]);
  graph.output("logits", ELEMENT.float32, [1, "M", config.vocabSize]);
  return graph.encode();
}

/** The last row's index, `[1]`, and the number of rows, `[]`, both in 32 bits. */
function sequenceLengths(graph: GraphBuilder, mask: string): string[] {
  const integer = (value: string) => graph.node("Cast", [value], 1, { to: INT32 })[0];
  const [counted] = graph.node("ReduceSum", [mask, graph.integers([1])], 1, { keepdims: 0 });
  const [last] = graph.node("Sub", [counted, graph.integers([1])]);
  const [shape] = graph.node("Shape", [mask]);
  const index = graph.constant("time_axis", ELEMENT.int64, [], BigInt64Array.of(1n));
  return [integer(last), integer(graph.node("Gather", [shape, index])[0])];
}

/** The last `num_logits_to_keep` rows; all where it is 0. */
function lastRows(graph: GraphBuilder, hidden: string): string {
  const count = graph.input("num_logits_to_keep", ELEMENT.int64, []);
  const [start] = graph.node("Neg", [graph.node("Unsqueeze", [count, graph.integers([0])])[0]]);
  return graph.node("Slice", [hidden, start, graph.integers([2 ** 40]), graph.integers([1])])[0];
}
