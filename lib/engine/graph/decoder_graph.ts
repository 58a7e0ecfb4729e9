import { type CacheDtype, FLOAT32_CACHE } from "../rows/cache_dtype.ts";
import { attention, capped, rotaryNames } from "./attention_graph.ts";
import { decoderLayers, type DecoderSource, lastProjection, layerInputName } from "./decoder_layers.ts";
import { ELEMENT, GraphBuilder, type WeightStore } from "./onnx_graph.ts";
import type { WeightFormat } from "./weights.ts";

/**
 * Builds the decoder with grouped-query attention that has a key and a value input per kv head.
 *
 * Inputs: `input_ids` [1, S], for each kind of layer
 * `rotary_cos.<kind>` and `rotary_sin.<kind>` [S, head_dim / 2], `causal_mask` [S·G, S], `minus_new` [1]
 * (−S), `decoding` [] (S is 1 and R is 0), `few` [] (S is small and R is 0), `query_weights` [R, S·G], `logits_rows` [M],
 * and per layer and kv head `keys.<layer>.<head>` and `values.<layer>.<head>` [1, 1, P + S, head_dim], whose last S rows
 * the run writes. Where layers have windows, `query_positions` [S·G, 1], and of each of their heads
 * `positions.<layer>.<head>` [P + S], rotary ones; empty where decoding. Where rows are quantized, also `quantized_keys.<layer>.<head>` and so on, of older rows: see
 * {@linkcode quantizedNames}.
 * Outputs: `logits` [1, M, vocab], per layer and kv head `new_keys.<layer>.<head>` and `new_values.<layer>.<head>` [1, S,
 * head_dim], and `attention` [1, 1, R, Σ (P + S)]: for each head in turn, query_weights × the attention probabilities. Values
 * that a layer has anyway are outputs as well: `query_keys.<layer>` [1, S, (heads + kv heads) · head_dim], before
 * rotation, and its normalised input, {@linkcode layerInputName} [1, S, hidden]. Unless they are fetched they cost nothing.
 *
 * `new_keys` and `new_values` must be fetched into the last S rows of what is fed as `keys` and `values`: there is no
 * other way that they get into the run's own attention.
 */
export function buildDecoder(
  checkpoint: DecoderSource,
  format: WeightFormat,
  store: WeightStore,
  cacheDtype: CacheDtype = FLOAT32_CACHE,
): Uint8Array {
  const graph = new GraphBuilder(store);
  const { config } = checkpoint;
  const context = { graph, checkpoint, format };
  const ids = graph.input("input_ids", ELEMENT.int64, [1, "S"]);
  const inputs = {
    rotary: config.rotary.kinds.map((_, kind) => {
      const { cos, sin } = rotaryNames(kind);
      const table = (name: string) => graph.input(name, ELEMENT.float32, ["S", config.headDim / 2]);
      return { cos: table(cos), sin: table(sin) };
    }),
    mask: graph.input("causal_mask", ELEMENT.float32, ["SG", "S"]),
    minusNew: graph.input("minus_new", ELEMENT.int64, [1]),
    decoding: graph.input("decoding", ELEMENT.bool, []),
    few: graph.input("few", ELEMENT.bool, []),
    queryWeights: graph.input("query_weights", ELEMENT.float32, ["R", "SG"]),
    ...(config.windows.some((window) => window > 0)
      ? { queryPositions: graph.input("query_positions", ELEMENT.int32, ["SG", 1]) }
      : {}),
  };
  const logitsRows = graph.input("logits_rows", ELEMENT.int64, ["M"]);

  const recordings: string[] = [];
  const hidden = decoderLayers(context, ids, (layer, qkv) => {
    const attended = attention(graph, config, cacheDtype, layer, qkv, inputs);
    recordings.push(attended.recordings);
    const width = (config.numAttentionHeads + config.numKeyValueHeads) * config.headDim;
    graph.output(attended.queryKeys, ELEMENT.float32, [1, "S", width]);
    graph.output(layerInputName(layer), ELEMENT.float32, [1, "S", config.hiddenSize]);
    return attended.output;
  });

  const [last] = graph.node("Gather", [hidden, logitsRows], 1, { axis: 1 });
  graph.node("Identity", [capped(graph, lastProjection(context, last), config.traits.logitCap)], ["logits"]);
  graph.node("Concat", recordings, ["attention"], { axis: 3 });
  graph.output("logits", ELEMENT.float32, [1, "M", config.vocabSize]);
  graph.output("attention", ELEMENT.float32, [1, 1, "R", "T"]);
  return graph.encode();
}
