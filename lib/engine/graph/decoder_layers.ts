import type { Activation, Checkpoint, DecoderTraits } from "../checkpoint/checkpoint.ts";
import { concatenate } from "../../numeric/vectors.ts";
import { ELEMENT, type GraphBuilder, wholeWeight } from "./onnx_graph.ts";
import type { MatrixPart } from "./quantized_weights.ts";
import {
  blockLookup,
  blockProduct,
  floatLookup,
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
 * Adds what every decoder has in common: embeddings, RMSNorm, projections and the gated network.
 *
 * @param ids `[1, S]`
 * @param attend what differs
 * @returns the normalized hidden states, `[1, S, hidden]`
 */
export function decoderLayers(context: DecoderContext, ids: string, attend: Attend): string {
  const { config } = context.checkpoint;
  const { norms } = config.traits;
  const names = Array.from({ length: config.numHiddenLayers }, (_, layer) => normNames(norms, layer));
  let residual = embed(context, ids);
  let hidden = enter(context, residual, names[0].attention, layerInputName(0));
  names.forEach((own, layer) => {
    const prefix = `model.layers.${layer}`;
    const qkv = project(context, hidden, `${prefix}.self_attn`, ["q_proj", "k_proj", "v_proj"], config.hiddenSize);
    const width = config.numAttentionHeads * config.headDim;
    const attended = attend(layer, normQueriesAndKeys(context, layer, qkv));
    const output = project(context, attended, `${prefix}.self_attn`, ["o_proj"], width);
    [hidden, residual] = leave(context, output, residual, own.attended, own.network, `${prefix}.network_input`);
    const fed = feedForward(context, hidden, `${prefix}.mlp`);
    const last = layer + 1 === names.length;
    const next = last ? "model.norm.weight" : names[layer + 1].attention;
    const name = last ? "model.norm.output" : layerInputName(layer + 1);
    [hidden, residual] = leave(context, fed, residual, own.fed, next, name);
  });
  return hidden;
}

/** Names of a layer's norms: of what goes into attention and network, and of what comes out; undefined: there is none. */
interface NormNames {
  readonly attention?: string;
  readonly attended?: string;
  readonly network?: string;
  readonly fed?: string;
}

function normNames(norms: DecoderTraits["norms"], layer: number): NormNames {
  const of = (name: string) => `model.layers.${layer}.${name}_layernorm.weight`;
  if (norms === "before") return { attention: of("input"), network: of("post_attention") };
  const after = { attended: of("post_attention"), fed: of("post_feedforward") };
  return norms === "after" ? after : { ...after, attention: of("input"), network: of("pre_feedforward") };
}

/** The name of a layer's input after its norm, `[1, S, hidden]`. */
export function layerInputName(layer: number): string {
  return `layer_input.${layer}`;
}

/** The residual stream as a sublayer takes it. */
function enter(context: DecoderContext, residual: string, weight: string | undefined, name: string): string {
  if (weight === undefined) return context.graph.node("Identity", [residual], [name])[0];
  return rmsNorm(context, residual, weight, context.checkpoint.config.hiddenSize, [name]);
}

/** Adds what a sublayer gives to the residual stream: the next sublayer's input, and the stream. */
function leave(
  context: DecoderContext,
  output: string,
  residual: string,
  after: string | undefined,
  next: string | undefined,
  name: string,
): [string, string] {
  const { graph, checkpoint: { config } } = context;
  const added = after === undefined ? output : rmsNorm(context, output, after, config.hiddenSize, 1);
  if (next === undefined) {
    const [sum] = graph.node("Add", [added, residual]);
    return [enter(context, sum, undefined, name), sum];
  }
  const [normed, , , sum] = graph.node(
    "SkipSimplifiedLayerNormalization",
    [added, residual, normWeight(context, next, config.hiddenSize)],
    [name, "", "", `${name}.residual`],
    { epsilon: { float: config.rmsNormEps } },
    "com.microsoft",
  );
  return [normed, sum];
}

/** Norms queries and keys before their rotation, where the model does: `[1, S, (heads + 2 · kv heads) · head_dim]`. */
function normQueriesAndKeys(context: DecoderContext, layer: number, qkv: string): string {
  const { graph, checkpoint: { config } } = context;
  const { numAttentionHeads, numKeyValueHeads, headDim, traits: { queryKeyNorm } } = config;
  if (queryKeyNorm === "none") return qkv;
  const heads = [numAttentionHeads, numKeyValueHeads, numKeyValueHeads];
  const [queries, keys, values] = graph.node(
    "Split",
    [qkv, graph.integers(heads.map((count) => count * headDim))],
    heads.length,
    { axis: 2 },
  );
  const normed = [queries, keys].map((part, index) => {
    const weight = `model.layers.${layer}.self_attn.${index === 0 ? "q" : "k"}_norm.weight`;
    if (queryKeyNorm === "token") return rmsNorm(context, part, weight, heads[index] * headDim, 1);
    const [apart] = graph.node("Reshape", [part, graph.integers([1, -1, heads[index], headDim])]);
    const own = rmsNorm(context, apart, weight, headDim, 1);
    return graph.node("Reshape", [own, graph.integers([1, -1, heads[index] * headDim])])[0];
  });
  return graph.node("Concat", [...normed, values], 1, { axis: 2 })[0];
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
  const { graph, format } = context;
  const table = vocabularyMatrix(context, EMBEDDINGS);
  const blocks = vocabularyBlocks(table, format);
  return blocks === undefined ? floatLookup(graph, ids, table) : blockLookup(graph, ids, table, blocks);
}

/** A matrix with a row for each token, `[vocab, hidden]`. */
function vocabularyMatrix({ checkpoint }: DecoderContext, name: string): LinearWeights {
  return { name, inputs: checkpoint.config.hiddenSize, ...joinedRows(checkpoint, [name]) };
}

/** The rows of several tensors, one after the other. */
function joinedRows(checkpoint: DecoderSource, names: readonly string[]): Pick<LinearWeights, "outputs" | "parts"> {
  const parts = names.map((name) => matrixPart(checkpoint, name));
  return { outputs: parts.reduce((sum, { rows }) => sum + rows, 0), parts };
}

/** A tensor, `[rows, columns]`, as a part of a matrix. */
export function matrixPart(checkpoint: DecoderSource, name: string): MatrixPart {
  const { shape: [rows, columns], dtype } = checkpoint.tensors.get(name)!;
  return {
    ...{ rows, columns, dtype },
    read: (span) => checkpoint.readTensor(name, span),
    readBlocks: (span) => checkpoint.readBlocks(name, span),
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
    ...(checkpoint.tensors.has(biases[0])
      ? { readBias: () => concatenate(biases.map((name) => checkpoint.readTensor(name))) }
      : {}),
  };
  return linear(graph, input, joined, format);
}

function feedForward(context: DecoderContext, hidden: string, prefix: string): string {
  const { graph, checkpoint: { config } } = context;
  const both = project(context, hidden, prefix, ["gate_proj", "up_proj"], config.hiddenSize);
  const sizes = graph.integers([config.intermediateSize, config.intermediateSize]);
  const [gate, up] = graph.node("Split", [both, sizes], 2, { axis: 2 });
  const [gated] = graph.node("Mul", [activated(graph, gate, config.traits.activation), up]);
  return project(context, gated, prefix, ["down_proj"], config.intermediateSize);
}

function activated(graph: GraphBuilder, gate: string, activation: Activation): string {
  const contrib = (operator: string, attributes = {}) =>
    graph.node(operator, [gate], 1, attributes, "com.microsoft")[0];
  switch (activation) {
    case "silu":
      return contrib("QuickGelu", { alpha: { float: 1 } });
    case "gelu":
      return contrib("Gelu");
    case "gelu_pytorch_tanh":
      return contrib("FastGelu");
  }
}

/** RMSNorm over the last axis, of `width` numbers. */
function rmsNorm(
  context: DecoderContext,
  value: string,
  weight: string,
  width: number,
  outputs: 1 | readonly [string],
): string {
  const { graph, checkpoint: { config } } = context;
  return graph.node(
    "SimplifiedLayerNormalization",
    [value, normWeight(context, weight, width)],
    outputs,
    { axis: -1, epsilon: { float: config.rmsNormEps }, stash_type: 1 },
  )[0];
}

function normWeight({ graph, checkpoint }: DecoderContext, name: string, width: number): string {
  return graph.weight(name, ELEMENT.float32, [width], wholeWeight(() => checkpoint.readTensor(name)));
}
