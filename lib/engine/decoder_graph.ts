import { attention } from "./attention_graph.ts";
import type { Checkpoint, ModelConfig } from "./checkpoint.ts";
import { ELEMENT, GraphBuilder, type WeightSink } from "./onnx_graph.ts";
import { BLOCK_SIZE, quantiseInt8 } from "./quantise.ts";
import { blockProduct, linear, type LinearWeights, type WeightFormat } from "./weights.ts";

/** Raised whenever the graph changes, so that models built by earlier versions are built anew. */
export const GRAPH_VERSION = 1;

/** Reads the checkpoint's tensors one after the other while the graph grows. */
interface Context {
  readonly graph: GraphBuilder;
  readonly config: ModelConfig;
  readonly format: WeightFormat;
  read(name: string): Float32Array;
  has(name: string): boolean;
}

/**
 * Builds the decoder: RMSNorm, rotary embedding, grouped-query attention with a key and a value input per kv head, and
 * a gated SiLU network (Llama; Qwen2 adds a bias to q, k and v).
 *
 * Inputs: `input_ids` [1, S], `position_ids` [1, S], `causal_mask` [G·S, S], `minus_new` [1] (−S), `query_weights`
 * [R, G·S], `logits_rows` [M], and per layer and kv head `past.<layer>.<head>.key` and `.value` [1, P, head_dim].
 * Outputs: `logits` [1, M, vocab], `new_keys` and `new_values` [layers · kv heads, S, head_dim], and `attention`
 * [1, R, Σ (P + S)]: for each head in turn, query_weights × the attention probabilities.
 */
export function buildDecoder(checkpoint: Checkpoint, format: WeightFormat, sink: WeightSink): Uint8Array {
  const graph = new GraphBuilder(sink);
  const { config } = checkpoint;
  const context: Context = {
    graph,
    config,
    format,
    read: (name) => checkpoint.readTensor(name),
    has: (name) => checkpoint.tensors.has(name),
  };
  const inputs = {
    positions: "",
    mask: "",
    minusNew: "",
    queryWeights: "",
  };
  const ids = graph.input("input_ids", ELEMENT.int64, [1, "S"]);
  inputs.positions = graph.input("position_ids", ELEMENT.int64, [1, "S"]);
  inputs.mask = graph.input("causal_mask", ELEMENT.float32, ["GS", "S"]);
  inputs.minusNew = graph.input("minus_new", ELEMENT.int64, [1]);
  inputs.queryWeights = graph.input("query_weights", ELEMENT.float32, ["R", "GS"]);
  const logitsRows = graph.input("logits_rows", ELEMENT.int64, ["M"]);

  let residual = embed(context, ids);
  let hidden = graph.node(
    "SimplifiedLayerNormalization",
    [residual, norm(context, "model.layers.0.input_layernorm.weight")],
    1,
    { axis: -1, epsilon: { float: config.rmsNormEps }, stash_type: 1 },
  )[0];
  const newKeys: string[] = [];
  const newValues: string[] = [];
  const taps: string[] = [];
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    const qkv = project(context, hidden, `${prefix}.self_attn`, ["q_proj", "k_proj", "v_proj"], config.hiddenSize);
    const attended = attention(graph, config, layer, qkv, inputs);
    newKeys.push(attended.keys);
    newValues.push(attended.values);
    taps.push(...attended.taps);
    const width = config.numAttentionHeads * config.headDim;
    const output = project(context, attended.output, `${prefix}.self_attn`, ["o_proj"], width);
    [hidden, residual] = addAndNorm(context, output, residual, `${prefix}.post_attention_layernorm.weight`);
    const next = layer + 1 < config.numHiddenLayers
      ? `model.layers.${layer + 1}.input_layernorm.weight`
      : "model.norm.weight";
    [hidden, residual] = addAndNorm(context, feedForward(context, hidden, `${prefix}.mlp`), residual, next);
  }

  const rows = graph.node("Gather", [hidden, logitsRows], 1, { axis: 1 })[0];
  graph.node("Identity", [project(context, rows, "", ["lm_head"], config.hiddenSize)], ["logits"]);
  graph.node("Concat", newKeys, ["new_keys"], { axis: 0 });
  graph.node("Concat", newValues, ["new_values"], { axis: 0 });
  graph.node("Concat", taps, ["attention"], { axis: 2 });
  const heads = config.numHiddenLayers * config.numKeyValueHeads;
  graph.output("logits", ELEMENT.float32, [1, "M", config.vocabSize]);
  graph.output("new_keys", ELEMENT.float32, [heads, "S", config.headDim]);
  graph.output("new_values", ELEMENT.float32, [heads, "S", config.headDim]);
  graph.output("attention", ELEMENT.float32, [1, "R", "T"]);
  return graph.encode();
}

/** Looks the embeddings up; quantised formats share the table's blocks with a tied last projection. */
function embed({ graph, config, format, read }: Context, ids: string): string {
  const name = "model.embed_tokens.weight";
  const { vocabSize, hiddenSize } = config;
  const table = read(name);
  if (format === "f32") {
    return graph.node("Gather", [graph.constant(name, ELEMENT.float32, [vocabSize, hiddenSize], table), ids])[0];
  }
  const { quanta, scales } = quantiseInt8(table);
  const blocks = hiddenSize / BLOCK_SIZE;
  const [looked] = graph.node(
    "GatherBlockQuantized",
    [
      graph.constant(name, ELEMENT.uint8, [vocabSize, blocks, BLOCK_SIZE], quanta),
      ids,
      graph.constant(`${name}.blocks`, ELEMENT.float32, [vocabSize, blocks, 1], scales),
    ],
    1,
    { gather_axis: 0, quantize_axis: 2, block_size: BLOCK_SIZE, bits: 8 },
    "com.microsoft",
  );
  return graph.node("Reshape", [looked, graph.integers([1, -1, hiddenSize])])[0];
}

/** One product for several projections of the same input: their rows one after the other. */
function project(context: Context, input: string, prefix: string, names: readonly string[], inputs: number): string {
  const { graph, config, format, read, has } = context;
  if (names[0] === "lm_head") {
    const tied = config.tieWordEmbeddings;
    const name = tied ? "model.embed_tokens.weight" : "lm_head.weight";
    const weights = { name: tied && format === "f32" ? "lm_head.weight" : name, outputs: config.vocabSize, inputs };
    // The last projection decides the words: it stays at 8 bits when the rest goes to 4.
    return format === "f32"
      ? linear(graph, input, { ...weights, values: read(name) }, format)
      : blockProduct(graph, input, weights, quantiseInt8(read(name)));
  }
  const weights = names.map((name) => read(`${prefix}.${name}.weight`));
  const biases = names.map((name) => `${prefix}.${name}.bias`);
  const values = concatenate(weights);
  const packed: LinearWeights = {
    name: `${prefix}.${names.join("_")}`,
    outputs: values.length / inputs,
    inputs,
    values,
    ...(has(biases[0]) ? { bias: concatenate(biases.map(read)) } : {}),
  };
  return linear(graph, input, packed, format);
}

function feedForward(context: Context, hidden: string, prefix: string): string {
  const { graph, config } = context;
  const both = project(context, hidden, prefix, ["gate_proj", "up_proj"], config.hiddenSize);
  const sizes = graph.integers([config.intermediateSize, config.intermediateSize]);
  const [gate, up] = graph.node("Split", [both, sizes], 2, { axis: 2 });
  const [activated] = graph.node("QuickGelu", [gate], 1, { alpha: { float: 1 } }, "com.microsoft");
  const [gated] = graph.node("Mul", [activated, up]);
  return project(context, gated, prefix, ["down_proj"], config.intermediateSize);
}

function addAndNorm(context: Context, added: string, residual: string, weight: string): [string, string] {
  const [normed, , , sum] = context.graph.node(
    "SkipSimplifiedLayerNormalization",
    [added, residual, norm(context, weight)],
    [`${weight}.normed`, "", "", `${weight}.residual`],
    { epsilon: { float: context.config.rmsNormEps } },
    "com.microsoft",
  );
  return [normed, sum];
}

function norm({ graph, config, read }: Context, name: string): string {
  return graph.constant(name, ELEMENT.float32, [config.hiddenSize], read(name));
}

function concatenate(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const joined = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}
