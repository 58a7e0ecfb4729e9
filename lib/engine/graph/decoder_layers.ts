import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";
import { BLOCK_SIZE, quantizeInt8 } from "./weight_blocks.ts";
import { blockProduct, linear, type LinearWeights, type WeightFormat } from "./weights.ts";

/** A graph that grows while a checkpoint's tensors are read one after the other. */
export interface DecoderContext {
  /** The graph. */
  readonly graph: GraphBuilder;
  /** The checkpoint. */
  readonly checkpoint: Checkpoint;
  /** How the weights of linear layers are held. */
  readonly format: WeightFormat;
}

/** Adds one layer's attention: `[1, S, (heads + 2 · kv heads) · head_dim]` → `[1, S, heads · head_dim]`. */
export type Attend = (layer: number, qkv: string) => string;

/**
 * Adds what every decoder has in common: embeddings, RMSNorm, projections and the gated SiLU network (Llama; Qwen2 adds
 * a bias to q, k and v).
 *
 * @param ids `[1, S]`
 * @param attend what differs
 * @returns the normalised hidden states, `[1, S, hidden]`
 */
export function decoderLayers(context: DecoderContext, ids: string, attend: Attend): string {
  const { graph, checkpoint: { config } } = context;
  let residual = embed(context, ids);
  let hidden = graph.node(
    "SimplifiedLayerNormalization",
    [residual, norm(context, "model.layers.0.input_layernorm.weight")],
    [layerInputName(0)],
    { axis: -1, epsilon: { float: config.rmsNormEps }, stash_type: 1 },
  )[0];
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const prefix = `model.layers.${layer}`;
    const qkv = project(context, hidden, `${prefix}.self_attn`, ["q_proj", "k_proj", "v_proj"], config.hiddenSize);
    const width = config.numAttentionHeads * config.headDim;
    const output = project(context, attend(layer, qkv), `${prefix}.self_attn`, ["o_proj"], width);
    [hidden, residual] = addAndNorm(context, output, residual, `${prefix}.post_attention_layernorm.weight`);
    const next = layer + 1 < config.numHiddenLayers
      ? `model.layers.${layer + 1}.input_layernorm.weight`
      : "model.norm.weight";
    [hidden, residual] = addAndNorm(context, feedForward(context, hidden, `${prefix}.mlp`), residual, next);
  }
  return hidden;
}

/** The name of a layer's normalised input, `[1, S, hidden]`. */
export function layerInputName(layer: number): string {
  return `model.layers.${layer}.input_layernorm.weight.normed`;
}

/** Adds the last projection: `[1, M, hidden]` → `[1, M, vocab]`. */
export function lastProjection({ graph, checkpoint, format }: DecoderContext, rows: string): string {
  const { config } = checkpoint;
  const name = config.tieWordEmbeddings ? EMBEDDINGS : "lm_head.weight";
  const weights = {
    name: config.tieWordEmbeddings && format === "f32" ? "lm_head.weight" : name,
    outputs: config.vocabSize,
    inputs: config.hiddenSize,
  };
  const values = checkpoint.readTensor(name);
  // The last projection decides the words: it stays at 8 bits when the rest goes to 4.
  return format === "f32"
    ? linear(graph, rows, { ...weights, values }, format)
    : blockProduct(graph, rows, weights, quantizeInt8(values));
}

const EMBEDDINGS = "model.embed_tokens.weight";

/** Looks the embeddings up; quantised formats share the table's blocks with a tied last projection. */
function embed({ graph, checkpoint, format }: DecoderContext, ids: string): string {
  const { vocabSize, hiddenSize } = checkpoint.config;
  const table = checkpoint.readTensor(EMBEDDINGS);
  if (format === "f32") {
    return graph.node("Gather", [graph.constant(EMBEDDINGS, ELEMENT.float32, [vocabSize, hiddenSize], table), ids])[0];
  }
  const { codes, scales } = quantizeInt8(table);
  const blocks = hiddenSize / BLOCK_SIZE;
  const [looked] = graph.node(
    "GatherBlockQuantized",
    [
      graph.constant(EMBEDDINGS, ELEMENT.uint8, [vocabSize, blocks, BLOCK_SIZE], codes),
      ids,
      graph.constant(`${EMBEDDINGS}.blocks`, ELEMENT.float32, [vocabSize, blocks, 1], scales),
    ],
    1,
    { gather_axis: 0, quantize_axis: 2, block_size: BLOCK_SIZE, bits: 8 },
    "com.microsoft",
  );
  return graph.node("Reshape", [looked, graph.integers([1, -1, hiddenSize])])[0];
}

/** One product for several projections of the same input: their rows one after the other. */
function project(
  context: DecoderContext,
  input: string,
  prefix: string,
  names: readonly string[],
  inputs: number,
): string {
  const { graph, checkpoint, format } = context;
  const read = (name: string) => checkpoint.readTensor(name);
  const values = concatenate(names.map((name) => read(`${prefix}.${name}.weight`)));
  const biases = names.map((name) => `${prefix}.${name}.bias`);
  const quantized: LinearWeights = {
    name: `${prefix}.${names.join("_")}`,
    outputs: values.length / inputs,
    inputs,
    values,
    ...(checkpoint.tensors.has(biases[0]) ? { bias: concatenate(biases.map(read)) } : {}),
  };
  return linear(graph, input, quantized, format);
}

function feedForward(context: DecoderContext, hidden: string, prefix: string): string {
  const { graph, checkpoint: { config } } = context;
  const both = project(context, hidden, prefix, ["gate_proj", "up_proj"], config.hiddenSize);
  const sizes = graph.integers([config.intermediateSize, config.intermediateSize]);
  const [gate, up] = graph.node("Split", [both, sizes], 2, { axis: 2 });
  const [activated] = graph.node("QuickGelu", [gate], 1, { alpha: { float: 1 } }, "com.microsoft");
  const [gated] = graph.node("Mul", [activated, up]);
  return project(context, gated, prefix, ["down_proj"], config.intermediateSize);
}

function addAndNorm(context: DecoderContext, added: string, residual: string, weight: string): [string, string] {
  const [normed, , , sum] = context.graph.node(
    "SkipSimplifiedLayerNormalization",
    [added, residual, norm(context, weight)],
    [`${weight}.normed`, "", "", `${weight}.residual`],
    { epsilon: { float: context.checkpoint.config.rmsNormEps } },
    "com.microsoft",
  );
  return [normed, sum];
}

function norm({ graph, checkpoint }: DecoderContext, name: string): string {
  return graph.constant(name, ELEMENT.float32, [checkpoint.config.hiddenSize], checkpoint.readTensor(name));
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
