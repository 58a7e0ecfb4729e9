/** Rows that a layer keeps: a key and a value for each token in each kv head. */
export interface RowState {
  /**
   * `full attention`: a row for each token. `latent attention`: too, each row one latent vector and one rotary key for
   * all heads (DeepSeek-V2, https://arxiv.org/abs/2405.04434). `sliding window`: the newest `rowLimit` tokens have one.
   * `chunked attention`: the tokens of the newest chunk of `rowLimit` have one.
   */
  readonly kind: "full attention" | "latent attention" | "sliding window" | "chunked attention";
  /** The most rows of a head; absent where it has no limit. */
  readonly rowLimit?: number;
  /** KV heads. */
  readonly kvHeads: number;
  /** Numbers of a key; with latents, of the rotary key. */
  readonly keyDim: number;
  /** Numbers of a value; with latents, of the latent vector. */
  readonly valueDim: number;
}

/** A state that does not grow with the text. */
export interface FixedState {
  /** What makes the state. */
  readonly kind: "linear attention" | "state space" | "convolution";
  /** Numbers of the state. */
  readonly values: number;
}

/** A layer that reads an earlier layer's rows and keeps none. */
export interface SharedState {
  /** Always this. */
  readonly kind: "shared rows";
}

/** What a layer keeps of the text for the tokens to come. */
export type LayerState = RowState | FixedState | SharedState;

/** The state of Mamba-2 (https://arxiv.org/abs/2405.21060) in one layer. */
export interface Mamba2Sizes {
  /** Tokens that the convolution spans. */
  readonly kernel: number;
  /** State heads. */
  readonly heads: number;
  /** Channels of a head. */
  readonly headDim: number;
  /** Numbers of a channel's state. */
  readonly stateDim: number;
  /** Groups of heads that share the input and output projections B and C. */
  readonly groups: number;
}

/**
 * Mamba-2: the newest kernel − 1 inputs of the convolution over x, B and C, and a state of heads · head_dim · state_dim.
 * As llama.cpp counts (`llama_hparams::n_embd_r` and `n_embd_s`); transformers keeps one input more, which is not read.
 */
export function mamba2State({ kernel, heads, headDim, stateDim, groups }: Mamba2Sizes): FixedState {
  const inner = heads * headDim;
  return { kind: "state space", values: (kernel - 1) * (inner + 2 * groups * stateDim) + inner * stateDim };
}

/** Mamba (https://arxiv.org/abs/2312.00752): kernel − 1 inputs of the convolution, and a state of inner · state_dim. */
export function mambaState(kernel: number, inner: number, stateDim: number): FixedState {
  return { kind: "state space", values: (kernel - 1) * inner + inner * stateDim };
}

/** The state of Gated DeltaNet in one layer. */
export interface DeltaNetSizes {
  /** Tokens that the convolution spans. */
  readonly kernel: number;
  /** Heads of queries and of keys. */
  readonly keyHeads: number;
  /** Numbers of a key. */
  readonly keyDim: number;
  /** Heads of values. */
  readonly valueHeads: number;
  /** Numbers of a value. */
  readonly valueDim: number;
}

/**
 * Gated DeltaNet (https://arxiv.org/abs/2412.06464) as in Qwen3-Next: kernel − 1 inputs of the convolution over queries,
 * keys and values, and a matrix of key_dim · value_dim for each value head.
 */
export function deltaNetState({ kernel, keyHeads, keyDim, valueHeads, valueDim }: DeltaNetSizes): FixedState {
  const convolved = 2 * keyHeads * keyDim + valueHeads * valueDim;
  return { kind: "linear attention", values: (kernel - 1) * convolved + valueHeads * keyDim * valueDim };
}

/** A short convolution over the hidden states, as in LFM2: kernel − 1 inputs, as llama.cpp keeps them. */
export function convolutionState(kernel: number, hiddenSize: number): FixedState {
  return { kind: "convolution", values: (kernel - 1) * hiddenSize };
}
