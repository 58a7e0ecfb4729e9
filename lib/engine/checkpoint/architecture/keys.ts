import type { RopeSetting } from "./rope_scaling.ts";
import type { Setting } from "./settings.ts";

/**
 * What the keys of a container are to the engine. A key that stands in none of the lists is one that neither
 * transformers 5.2 nor llama.cpp reads for any family here.
 */
export interface KeyTable<Key extends string> {
  /** Keys that are settings. Of several keys for one setting, the first that is present counts. */
  readonly settings: Readonly<Record<string, Key>>;
  /** Keys that change what some model computes, each with the values that run; absent and null always do. */
  readonly only: Readonly<Record<string, readonly KeyValue[]>>;
  /** Keys that are read with another table. */
  readonly elsewhere?: readonly string[];
  /** Keys that change nothing in what the engine computes. */
  readonly nothing: readonly string[];
}

type KeyValue = number | boolean | string;

/** config.json's keys; a dot leads into an object. */
export const CONFIG_KEYS: KeyTable<Setting> = {
  settings: {
    vocab_size: "vocabSize",
    hidden_size: "hiddenSize",
    intermediate_size: "intermediateSize",
    num_hidden_layers: "numHiddenLayers",
    num_attention_heads: "numAttentionHeads",
    num_key_value_heads: "numKeyValueHeads",
    head_dim: "headDim",
    v_head_dim: "valueDim",
    partial_rotary_factor: "partialRotaryFactor",
    "rope_scaling.partial_rotary_factor": "partialRotaryFactor",
    "rope_parameters.partial_rotary_factor": "partialRotaryFactor",
    "rope_parameters.full_attention.partial_rotary_factor": "partialRotaryFactor",
    "rope_parameters.sliding_attention.partial_rotary_factor": "partialRotaryFactor",
    max_position_embeddings: "maxPositionEmbeddings",
    no_rope_layers: "ropelessLayers",
    no_rope_layer_interval: "ropelessInterval",
    rms_norm_eps: "rmsNormEps",
    hidden_activation: "activation",
    hidden_act: "activation",
    attention_bias: "attentionBias",
    attention_out_bias: "attentionOutputBias",
    mlp_bias: "mlpBias",
    embedding_multiplier: "embeddingMultiplier",
    residual_multiplier: "residualMultiplier",
    attention_multiplier: "attentionMultiplier",
    logits_scaling: "logitsDivisor",
    query_pre_attn_scalar: "queryScalar",
    attn_logit_softcapping: "scoreCap",
    final_logit_softcapping: "logitCap",
    is_causal: "isCausal",
    use_bidirectional_attention: "bidirectional",
    layer_types: "layerTypes",
    sliding_window: "slidingWindow",
    sliding_window_pattern: "slidingPattern",
    use_sliding_window: "useSlidingWindow",
    max_window_layers: "maxWindowLayers",
    tie_word_embeddings: "tieWordEmbeddings",
    eos_token_id: "eosTokenIds",
    quantization_config: "quantization",
  },
  only: {
    // Other attention.
    attention_chunk_size: [0],
    num_kv_shared_layers: [0],
    clip_qkv: [],
    qk_layernorm: [false],
    use_qk_norm: [false],
    attn_temperature_tuning: [0, false],
    alibi: [false],
    position_embedding_type: ["rope"],
    rope_interleave: [false],
    use_mrope: [false],
    mrope_section: [],
    kv_lora_rank: [0],
    q_lora_rank: [0],
    add_cross_attention: [false],
    is_encoder_decoder: [false],
    // Other layers, or layers that differ in size.
    parallel_attn: [false],
    use_parallel_residual: [false],
    norm_bias: [false],
    swin_norm: [false],
    block_configs: [],
    num_attention_heads_per_layer: [],
    num_key_value_heads_per_layer: [],
    num_experts: [0],
    num_local_experts: [0],
    n_routed_experts: [0],
    n_shared_experts: [0],
    num_nextn_predict_layers: [0],
    hidden_size_per_layer_input: [0],
    // Other families' multipliers.
    scale_emb: [1],
    scale_depth: [],
    logit_scale: [1],
    embedding_scale: [1],
    residual_scale: [1],
    lm_head_multiplier: [1],
    // Weights that are none of the formats.
    compression_config: [],
  },
  elsewhere: [
    "rope_scaling",
    "rope_parameters",
    "rope_theta",
    "rope_local_base_freq",
    "original_max_position_embeddings",
  ],
  nothing: [
    // Which model it is, and where it is from.
    "model_type",
    "architectures",
    "auto_map",
    "transformers_version",
    "_name_or_path",
    "ignore_keys_at_rope_validation",
    // layer_types says it.
    "_sliding_window_pattern",
    // Training.
    "attention_dropout",
    "embd_pdrop",
    "resid_pdrop",
    "residual_dropout",
    "initializer_range",
    // The same product of matrices, slice by slice.
    "pretraining_tp",
    "chunk_size_feed_forward",
    // What transformers gives back, and in which type it computes.
    "use_cache",
    "return_dict",
    "output_attentions",
    "output_hidden_states",
    "dtype",
    "torch_dtype",
    // Tokens that the tokenizer's own files name.
    "bos_token_id",
    "pad_token_id",
    // Classifiers.
    "id2label",
    "label2id",
    "num_labels",
    "problem_type",
  ],
};

/** The keys of config.json's `rope_scaling`, since transformers 5 `rope_parameters`. */
export const ROPE_KEYS: KeyTable<RopeSetting> = {
  settings: {
    rope_theta: "theta",
    rope_type: "type",
    type: "type",
    factor: "factor",
    original_max_position_embeddings: "originalLength",
    low_freq_factor: "lowFrequencyFactor",
    high_freq_factor: "highFrequencyFactor",
    beta_fast: "betaFast",
    beta_slow: "betaSlow",
    attention_factor: "attentionFactor",
    mscale: "mscale",
    mscale_all_dim: "mscaleAllDim",
    truncate: "truncate",
    short_factor: "shortDivisors",
    long_factor: "longDivisors",
  },
  only: {
    alpha: [],
    attn_factor: [1],
    extrapolation_factor: [1],
    llama_4_scaling_beta: [0],
    long_mscale: [],
    mrope_interleaved: [false],
    mrope_section: [],
    short_mscale: [],
  },
  elsewhere: ["partial_rotary_factor"],
  nothing: ["finetuned"],
};

/** The keys of a GGUF file's metadata behind the architecture's name, but for those of its rotary embedding. */
export const METADATA_KEYS: KeyTable<Setting> = {
  settings: {
    embedding_length: "hiddenSize",
    feed_forward_length: "intermediateSize",
    block_count: "numHiddenLayers",
    context_length: "maxPositionEmbeddings",
    "attention.head_count": "numAttentionHeads",
    "attention.head_count_kv": "numKeyValueHeads",
    "attention.key_length": "headDim",
    "attention.value_length": "valueDim",
    "attention.layer_norm_rms_epsilon": "rmsNormEps",
    "attention.scale": "attentionMultiplier",
    "attention.causal": "isCausal",
    "attention.sliding_window": "slidingWindow",
    "attention.sliding_window_pattern": "slidingPattern",
    "rope.dimension_count": "rotaryDim",
    "rope.scaling.finetuned": "ropeFinetuned",
    embedding_scale: "embeddingMultiplier",
    residual_scale: "residualMultiplier",
    logit_scale: "logitsDivisor",
    attn_logit_softcapping: "scoreCap",
    final_logit_softcapping: "logitCap",
    expert_count: "expertCount",
  },
  only: {
    // Other attention.
    "attention.clamp_kqv": [0],
    "attention.compress_ratios": [0],
    "attention.compress_rope_freq_base": [0],
    "attention.decay_lora_rank": [0],
    "attention.gate_lora_rank": [0],
    "attention.iclr_lora_rank": [0],
    "attention.indexer.head_count": [0],
    "attention.indexer.key_length": [0],
    "attention.indexer.top_k": [0],
    "attention.key_length_mla": [0],
    "attention.key_length_swa": [0],
    "attention.kv_lora_rank": [0],
    "attention.max_alibi_bias": [0],
    "attention.output_group_count": [0],
    "attention.output_lora_rank": [0],
    "attention.output_scale": [1],
    "attention.q_lora_rank": [0],
    "attention.recurrent_layers": [false],
    "attention.relative_buckets_count": [0],
    "attention.shared_kv_layers": [0],
    "attention.temperature_length": [0],
    "attention.temperature_scale": [0],
    "attention.value_length_mla": [0],
    "attention.value_length_swa": [0],
    "attention.value_residual_mix_lora_rank": [0],
    "attention.value_scale": [1],
    "rope.dimension_count_swa": [0],
    "rope.dimension_sections": [0],
    full_attention_interval: [0],
    // Other layers.
    activation_sparsity_scale: [0],
    "altup.active_idx": [0],
    "altup.num_inputs": [0],
    "convnext.block_count": [0],
    "convnext.embedding_length": [0],
    decoder_block_count: [0],
    decoder_start_token_id: [],
    deepstack_mapping: [],
    embedding_length_out: [0],
    embedding_length_per_layer_input: [0],
    features_length: [0],
    hash_layer_count: [0],
    hidden_activation: [],
    "hyper_connection.count": [0],
    "hyper_connection.epsilon": [0],
    "hyper_connection.sinkhorn_iterations": [0],
    "kda.head_dim": [0],
    n_deepstack_layers: [0],
    nextn_predict_layers: [0],
    norm_before_residual: [false],
    "posnet.block_count": [0],
    "posnet.embedding_length": [0],
    rescale_every_n_layers: [0],
    "shortconv.l_cache": [0],
    "ssm.conv_kernel": [0],
    "ssm.dt_b_c_rms": [false],
    "ssm.group_count": [0],
    "ssm.inner_size": [0],
    "ssm.state_size": [0],
    "ssm.time_step_rank": [0],
    swiglu_clamp_exp: [0],
    swiglu_clamp_shexp: [0],
    swin_norm: [false],
    target_hidden_size: [0],
    target_layers: [],
    time_decay_extra_dim: [0],
    time_mix_extra_dim: [0],
    token_shift_count: [0],
    use_parallel_residual: [false],
    "wkv.head_size": [0],
    // Experts.
    expert_chunk_feed_forward_length: [0],
    expert_feed_forward_length: [0],
    expert_group_count: [0],
    expert_group_used_count: [0],
    expert_shared_count: [0],
    expert_shared_feed_forward_length: [0],
    expert_used_count: [0],
    experts_per_group: [0],
    interleave_moe_layer_step: [0],
    leading_dense_block_count: [0],
    moe_every_n_layers: [0],
    moe_latent_size: [0],
    router_logit_softcapping: [0],
  },
  nothing: [
    // The embedding's rows say it.
    "vocab_size",
    // Notes of the converter.
    "tensor_data_layout",
    // Norms with a mean, which no family here has.
    "attention.layer_norm_epsilon",
    "attention.group_norm_epsilon",
    "attention.group_norm_groups",
    // What experts are weighted by, where there are none.
    "expert_gating_func",
    "expert_group_scale",
    "expert_weights_norm",
    "expert_weights_scale",
    // Embeddings of texts, and classes.
    "pooling_type",
    "dense_2_feat_in",
    "dense_2_feat_out",
    "dense_3_feat_in",
    "dense_3_feat_out",
    "classifier.output_labels",
  ],
};

/** The keys of a GGUF file's metadata for the rotary embedding, behind the architecture's name. */
export const METADATA_ROPE_KEYS: KeyTable<RopeSetting> = {
  settings: {
    "rope.freq_base": "theta",
    "rope.freq_base_swa": "slidingTheta",
    "rope.scaling.type": "type",
    "rope.scaling.factor": "factor",
    "rope.scale_linear": "factor",
    "rope.scaling.original_context_length": "originalLength",
    "rope.scaling.attn_factor": "attentionScale",
    "rope.scaling.yarn_beta_fast": "betaFast",
    "rope.scaling.yarn_beta_slow": "betaSlow",
  },
  only: {
    "rope.scaling.alpha": [0],
    "rope.scaling.yarn_attn_factor": [1],
    "rope.scaling.yarn_ext_factor": [1],
    "rope.scaling.yarn_log_multiplier": [0],
  },
  nothing: [],
};

/** The keys of each setting, in the table's order. */
export function namesOf<Key extends string>({ settings }: KeyTable<Key>): Readonly<Partial<Record<Key, string[]>>> {
  const names: Partial<Record<Key, string[]>> = {};
  for (const [name, setting] of Object.entries(settings)) (names[setting] ??= []).push(name);
  return names;
}

/** Whether a key stands in the table. */
export function isKnown(name: string, { settings, only, elsewhere = [], nothing }: KeyTable<string>): boolean {
  return [settings, only].some((keys) => Object.hasOwn(keys, name)) || [...elsewhere, ...nothing].includes(name);
}

/**
 * Checks the keys that run with some values alone. Of a list each element must be one of them.
 *
 * @param state what the container says, in words: `config.json's clip_qkv is 8`
 * @throws {RangeError} naming the first key with another value
 */
export function checkOnly(
  { only }: KeyTable<string>,
  value: (name: string) => unknown,
  state: (name: string, value: unknown) => string,
): void {
  for (const [name, values] of Object.entries(only)) {
    const held = value(name) ?? [];
    if ([held].flat().every((one) => values.includes(one as KeyValue))) continue;
    throw new RangeError(
      `Cannot run this model as ${state(name, held)}: supported is ${values.join(" or ") || "none of it"}`,
    );
  }
}
