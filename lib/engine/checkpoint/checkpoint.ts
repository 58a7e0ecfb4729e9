import type { Rotary, RotaryBeyond } from "../../numeric/rotary.ts";
import type { TokenizerFiles } from "../tokenizer/tokenizer.ts";
import type { StoredBlocks } from "./quantized_blocks.ts";
import type { RowSpan } from "./tensor_format.ts";

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
  /** Dimensions of a head that turn with the position, the first of each half. */
  readonly rotaryDim: number;
  /** The context the model was trained for, in tokens. */
  readonly maxPositionEmbeddings: number;
  /** How positions turn the queries and keys of each layer. */
  readonly rotary: Rotary;
  /** What becomes of that where a text passes a length; undefined: nothing. */
  readonly rotaryBeyond?: RotaryBeyond;
  /** Added to the mean square in RMSNorm. */
  readonly rmsNormEps: number;
  /** The window of each layer, in tokens: a query at position p sees rows above p − window; 0: all rows. `[layers]` */
  readonly windows: readonly number[];
  /** The steps in which decoders differ. */
  readonly traits: DecoderTraits;
  /** Factors that are multiplied into the weights as they are read. */
  readonly multipliers: Multipliers;
  /** Whether the last projection is the embedding. */
  readonly tieWordEmbeddings: boolean;
  /** Ids that end a text. */
  readonly eosTokenIds: readonly number[];
}

/** Activations of the gated network, by transformers' names; `gelu_pytorch_tanh` is GELU by its tanh approximation. */
export type Activation = "silu" | "gelu" | "gelu_pytorch_tanh";

/** The steps in which decoders differ. */
export interface DecoderTraits {
  /** The activation of the gated network. */
  readonly activation: Activation;
  /** Where RMSNorms stand: before each sublayer (Llama), after it (OLMo 2), or both (Gemma 2). */
  readonly norms: "before" | "after" | "both";
  /** RMSNorm of queries and keys before rotation: of each head (Qwen3), or of all heads of a token at once (OLMo 2). */
  readonly queryKeyNorm: "none" | "head" | "token";
  /** Whether the projections of queries, keys and values have biases. */
  readonly attentionBias: boolean;
  /** Whether the projection of the attended values has a bias. */
  readonly attentionOutputBias: boolean;
  /** Whether the gated network's projections have biases. */
  readonly mlpBias: boolean;
  /** Scores become cap · tanh(score / cap); 0: they stay. */
  readonly scoreCap: number;
  /** Logits become cap · tanh(logit / cap); 0: they stay. */
  readonly logitCap: number;
}

/**
 * Factors of a model's formulas. They are multiplied into weights as they are read, so that the graph knows nothing of
 * them.
 */
export interface Multipliers {
  /** Of the embeddings. */
  readonly embedding: number;
  /** Of what a sublayer adds to the residual stream. */
  readonly residual: number;
  /** Of the scores, beside 1 / √head_dim. */
  readonly score: number;
  /** Of what the turning dimensions of a head add to the scores: rotary scaling's factor of queries and of keys. */
  readonly turning: number;
  /** Of the logits. */
  readonly logits: number;
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
  /**
   * Reads one tensor as float32, row-major; the rows of q and k stand in Hugging Face's order (halves, not pairs).
   *
   * @param rows the rows to read; all of them by default
   * @throws {RangeError} if there is no such tensor, or it has fewer rows
   */
  readTensor(name: string, rows?: RowSpan): Float32Array<ArrayBuffer>;
  /** Reads one tensor as it is stored, rows in the order of {@linkcode readTensor}; undefined where it is floats. */
  readBlocks(name: string, rows?: RowSpan): StoredBlocks | undefined;
  /** The files of the tokenizer. */
  readonly tokenizer: TokenizerFiles;
}

/** A reader's result from a checkpoint's bytes; {@linkcode readCheckpoint} adds path, hash and open files. */
export type CheckpointContent = Pick<Checkpoint, "config" | "tensors" | "readTensor" | "readBlocks" | "tokenizer">;
