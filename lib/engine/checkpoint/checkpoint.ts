import type { TokenizerFiles } from "../tokenizer/tokenizer.ts";
import type { StoredBlocks } from "./quantized_blocks.ts";

/** A model's sizes and traits, from config.json or from a GGUF's metadata. */
export interface ModelConfig {
  /** The model's family, as config.json's `model_type` names it. */
  readonly architecture: string;
  /** Rows of the embedding. */
  readonly vocabSize: number;
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  /** Width of the gated network. */
  readonly intermediateSize: number;
  /** Layers. */
  readonly numHiddenLayers: number;
  /** Query heads per layer. */
  readonly numAttentionHeads: number;
  /** KV heads per layer. */
  readonly numKeyValueHeads: number;
  /** Length of a query, key or value vector. */
  readonly headDim: number;
  /** The context the model was trained for, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** Base of the rotary frequencies. */
  readonly ropeTheta: number;
  /** Added to the mean square in RMSNorm. */
  readonly rmsNormEps: number;
  /** Whether the projections of queries, keys and values have biases. */
  readonly attentionBias: boolean;
  /** Whether the last projection is the embedding. */
  readonly tieWordEmbeddings: boolean;
  /** Ids that end a text. */
  readonly eosTokenIds: readonly number[];
}

/** A tensor in a checkpoint: its shape as Hugging Face has it (`[out, in]` for a linear layer) and its stored type. */
export interface TensorInfo {
  /** Rows first. */
  readonly shape: readonly number[];
  /** Its name in the file: `F32`, `BF16`, `Q4_K` and others. */
  readonly dtype: string;
}

/** Weights, configuration and tokenizer of one model, in whatever container. */
export interface Checkpoint extends Disposable {
  /** The path it was read from. */
  readonly path: string;
  /** The model's sizes and traits. */
  readonly config: ModelConfig;
  /** sha256 of the content (weights and configuration), hex. */
  readonly hash: string;
  /** The tensors by Hugging Face's names (`model.layers.0.self_attn.q_proj.weight`). */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Reads one tensor as float32, row-major; the rows of q and k stand in Hugging Face's order (halves, not pairs). */
  readTensor(name: string): Float32Array<ArrayBuffer>;
  /** Reads one tensor as it is stored, rows in the order of {@linkcode readTensor}; undefined where it is floats. */
  readBlocks(name: string): StoredBlocks | undefined;
  /** The files of the tokenizer. */
  readonly tokenizer: TokenizerFiles;
}

/** A reader's result from a checkpoint's bytes; {@linkcode readCheckpoint} adds path, hash and open files. */
export type CheckpointContent = Pick<Checkpoint, "config" | "tensors" | "readTensor" | "readBlocks" | "tokenizer">;
