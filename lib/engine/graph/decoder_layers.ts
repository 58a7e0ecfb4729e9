import type { Checkpoint } from "../checkpoint/checkpoint.ts";
import { ELEMENT, type GraphBuilder } from "./onnx_graph.ts";
import {
  blockLookup,
  blockProduct,
  floatProduct,
  linear,
  type LinearWeights,
  vocabularyBlocks,
  type WeightFormat,
} from "./weights.ts";

/** What a decoder is built from: a checkpoint, or what is known of one whose weights are stored already. */
export type DecoderSource = Pick<Checkpoint, "config" | "tensors" | "readTensor" | "readBlocks">;

/** A graph that grows while a checkpoint's tensors are read one after the other. */
export interface DecoderContext {
  /** The graph. */
  readonly graph: GraphBuilder;
  /** The checkpoint. */
  readonly checkpoint: DecoderSource;
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
 * @returns the normalized hidden states, `[1, S, hidden]`
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

/** The name of a layer's normalized input, `[1, S, hidden]`. */
export function layerInputName(layer: number): string {
  return `model.layers.${layer}.input_layernorm.weight.normed`;
}

/** Adds the last projection: `[1, M, hidden]` → `[1, M, vocab]`. */
export function lastProjection(context: DecoderContext, rows: string): string {
  const { graph, checkpoint: { config }, format } = context;
  const matrix = vocabularyMatrix(context, config.tieWordEmbeddings ? EMBEDDINGS : HEAD);
  const blocks = vocabularyBlocks(matrix, format);
  if (blocks !== undefined) return blockProduct(graph, rows, matrix, blocks);
  // Tied, it is the embedding the other way round: other bytes.
  return floatProduct(graph, rows, { ...matrix, name: HEAD });
}

const EMBEDDINGS = "model.embed_tokens.weight";
const HEAD = "lm_head.weight";

/** Looks the embeddings up; quantized formats share the table's blocks with a tied last projection. */
function embed(context: DecoderContext, ids: string): string {
  const { graph, checkpoint: { config }, format } = context;
  const table = vocabularyMatrix(context, EMBEDDINGS);
  const blocks = vocabularyBlocks(table, format);
  if (blocks !== undefined) return blockLookup(graph, ids, table, blocks);
  const shape = [config.vocabSize, config.hiddenSize];
  return graph.node("Gather", [graph.weight(EMBEDDINGS, ELEMENT.float32, shape, table.read), ids])[0];
}

/** A matrix with a row for each token, `[vocab, hidden]`. */
function vocabularyMatrix({ checkpoint }: DecoderContext, name: string): LinearWeights {
  return { name, inputs: checkpoint.config.hiddenSize, ...joinedRows(checkpoint, [name]) };
}

/** The rows of several tensors, one after the other. */
function joinedRows(
  checkpoint: DecoderSource,
  names: readonly string[],
): Pick<LinearWeights, "outputs" | "dtypes" | "read" | "readBlocks"> {
  const parts = names.map((name) => checkpoint.tensors.get(name)!);
  return {
    outputs: parts.reduce((sum, { shape }) => sum + shape[0], 0),
    dtypes: parts.map(({ dtype }) => dtype),
    read: () => names.length === 1 ? checkpoint.readTensor(names[0]) : concatenate(names.map(checkpoint.readTensor)),
    readBlocks: () => names.map(checkpoint.readBlocks),
  };
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
  const biases = names.map((name) => `${prefix}.${name}.bias`);
  const joined: LinearWeights = {
    name: `${prefix}.${names.join("_")}`,
    inputs,
    ...joinedRows(checkpoint, names.map((name) => `${prefix}.${name}.weight`)),
    ...(checkpoint.tensors.has(biases[0]) ? { readBias: joinedRows(checkpoint, biases).read } : {}),
  };
  return linear(graph, input, joined, format);
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
  return graph.weight(name, ELEMENT.float32, [checkpoint.config.hiddenSize], () => checkpoint.readTensor(name));
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
