import { createFields } from "../../../files/fields.ts";
import { familyNamed } from "../architecture/families.ts";
import type { HuggingFaceForm } from "../architecture/family.ts";
import { modelConfig } from "../architecture/model_config.ts";
import type { RopeSetting } from "../architecture/rope_scaling.ts";
import { createSettings, type Setting, type Settings } from "../architecture/settings.ts";
import type { ModelConfig } from "../checkpoint.ts";

type Json = Readonly<Record<string, unknown>>;

/** config.json's names; a dot leads into an object. */
const NAMES: Readonly<Partial<Record<Setting, readonly string[]>>> = {
  vocabSize: ["vocab_size"],
  hiddenSize: ["hidden_size"],
  intermediateSize: ["intermediate_size"],
  numHiddenLayers: ["num_hidden_layers"],
  numAttentionHeads: ["num_attention_heads"],
  numKeyValueHeads: ["num_key_value_heads"],
  headDim: ["head_dim"],
  partialRotaryFactor: [
    "partial_rotary_factor",
    "rope_scaling.partial_rotary_factor",
    "rope_parameters.partial_rotary_factor",
  ],
  maxPositionEmbeddings: ["max_position_embeddings"],
  ropelessLayers: ["no_rope_layers"],
  ropelessInterval: ["no_rope_layer_interval"],
  rmsNormEps: ["rms_norm_eps"],
  activation: ["hidden_activation", "hidden_act"],
  attentionBias: ["attention_bias"],
  attentionOutputBias: ["attention_out_bias"],
  mlpBias: ["mlp_bias"],
  embeddingMultiplier: ["embedding_multiplier"],
  residualMultiplier: ["residual_multiplier"],
  attentionMultiplier: ["attention_multiplier"],
  logitsDivisor: ["logits_scaling"],
  queryScalar: ["query_pre_attn_scalar"],
  scoreCap: ["attn_logit_softcapping"],
  logitCap: ["final_logit_softcapping"],
  isCausal: ["is_causal"],
  bidirectional: ["use_bidirectional_attention"],
  layerTypes: ["layer_types"],
  slidingWindow: ["sliding_window"],
  slidingPattern: ["sliding_window_pattern"],
  useSlidingWindow: ["use_sliding_window"],
  maxWindowLayers: ["max_window_layers"],
  tieWordEmbeddings: ["tie_word_embeddings"],
  eosTokenIds: ["eos_token_id"],
  quantization: ["quantization_config"],
};

/** Names in `rope_scaling`, since transformers 5 `rope_parameters`. */
const ROPE_NAMES: Readonly<Partial<Record<RopeSetting, readonly string[]>>> = {
  theta: ["rope_theta"],
  type: ["rope_type"],
  factor: ["factor"],
  originalLength: ["original_max_position_embeddings"],
  lowFrequencyFactor: ["low_freq_factor"],
  highFrequencyFactor: ["high_freq_factor"],
  betaFast: ["beta_fast"],
  betaSlow: ["beta_slow"],
  attentionFactor: ["attention_factor"],
  mscale: ["mscale"],
  mscaleAllDim: ["mscale_all_dim"],
  truncate: ["truncate"],
  shortDivisors: ["short_factor"],
  longDivisors: ["long_factor"],
};

/** Value that transformers takes where config.json is silent, in every family. */
const DEFAULTS = { rmsNormEps: 1e-6 };
const ROPE_THETA = 10_000;

/**
 * The model's configuration, from the contents of config.json and, where there is one, generation_config.json.
 *
 * @throws {RangeError} if it asks for what the engine does not do: another architecture, activation or rope scaling,
 * quantized weights
 * @throws {SyntaxError} if it is malformed
 */
export function huggingFaceConfig(config: Json, generation: Json = {}): ModelConfig {
  const family = familyNamed(createFields((key) => config[key], "config.json").text("model_type"));
  const { defaults } = family.huggingFace;
  const endTokens = ([[generation, "generation_config.json"], [config, "config.json"]] as const)
    .flatMap(([held, label]) => createFields((key) => held[key], label).integers("eos_token_id"));
  const settings = createSettings<Setting>({
    label: "config.json",
    names: NAMES,
    given: { eosTokenIds: [...new Set(endTokens)] },
    defaults: { ...DEFAULTS, ...defaults },
    value: (name) => valueAt(config, name),
    state: (name, value) => {
      const [key, inner] = name.split(".");
      return state(key, inner === undefined ? value : config[key]);
    },
  });
  return modelConfig({ family, settings, ...ropes(config, family.huggingFace) });
}

/** The rotary embedding of all layers or, where they differ, of those without and with a window. */
function ropes(
  config: Json,
  { ropeTheta = ROPE_THETA, slidingTheta, ropeTypes = {} }: HuggingFaceForm,
): { rope: Settings<RopeSetting>; slidingRope?: Settings<RopeSetting> } {
  const key = isObject(config.rope_scaling) ? "rope_scaling" : "rope_parameters";
  const written = isObject(config[key]) ? config[key] : {};
  const settings = (own: Json, theta: number) => ropeSettings(config, key, own, theta, ropeTypes);
  const { full_attention: full, sliding_attention: sliding } = written;
  if (isObject(full) || isObject(sliding)) {
    return {
      rope: settings(isObject(full) ? full : {}, ropeTheta),
      slidingRope: settings(isObject(sliding) ? sliding : {}, slidingTheta ?? ropeTheta),
    };
  }
  const rope = settings({ rope_theta: config.rope_theta, ...written }, ropeTheta);
  if (slidingTheta === undefined) return { rope };
  return {
    rope,
    slidingRope: settings({ rope_theta: config.rope_local_base_freq, rope_type: "default" }, slidingTheta),
  };
}

function ropeSettings(
  config: Json,
  key: string,
  own: Json,
  theta: number,
  ropeTypes: Readonly<Record<string, string>>,
): Settings<RopeSetting> {
  // Scaling of no type is some kind of scaling that nobody names.
  const unnamed = key === "rope_scaling" && own.factor !== undefined ? "unnamed" : "default";
  const type = own.rope_type ?? own.type ?? unnamed;
  const values: Json = {
    ...own,
    rope_type: typeof type === "string" ? ropeTypes[type] ?? type : type,
    original_max_position_embeddings: config.original_max_position_embeddings ?? own.original_max_position_embeddings,
  };
  return createSettings<RopeSetting>({
    label: `config.json's ${key}`,
    names: ROPE_NAMES,
    defaults: { theta },
    value: (name) => values[name] ?? undefined,
    state: () => state(key, config[key]),
  });
}

function state(key: string, value: unknown): string {
  return `config.json's ${key} is ${JSON.stringify(value)?.slice(0, 80)}`;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(json: Json, name: string): unknown {
  const [key, inner] = name.split(".");
  return inner === undefined ? json[key] : (json[key] as Json | undefined)?.[inner];
}
