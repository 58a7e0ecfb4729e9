import { createFields } from "../../../files/fields.ts";
import { familyNamed } from "../architecture/families.ts";
import { modelConfig } from "../architecture/model_config.ts";
import { createSettings, type Setting } from "../architecture/settings.ts";
import type { ModelConfig } from "../checkpoint.ts";

type Json = Readonly<Record<string, unknown>>;

/** config.json's names; a dot leads into an object. transformers 5 moves the rope's into `rope_parameters`. */
const NAMES: Readonly<Partial<Record<Setting, readonly string[]>>> = {
  vocabSize: ["vocab_size"],
  hiddenSize: ["hidden_size"],
  intermediateSize: ["intermediate_size"],
  numHiddenLayers: ["num_hidden_layers"],
  numAttentionHeads: ["num_attention_heads"],
  numKeyValueHeads: ["num_key_value_heads"],
  headDim: ["head_dim"],
  maxPositionEmbeddings: ["max_position_embeddings"],
  ropeTheta: ["rope_parameters.rope_theta", "rope_theta"],
  ropeType: ["rope_scaling.rope_type", "rope_parameters.rope_type"],
  partialRotaryFactor: [
    "partial_rotary_factor",
    "rope_scaling.partial_rotary_factor",
    "rope_parameters.partial_rotary_factor",
  ],
  rmsNormEps: ["rms_norm_eps"],
  activation: ["hidden_act"],
  attentionBias: ["attention_bias"],
  mlpBias: ["mlp_bias"],
  isCausal: ["is_causal"],
  layerTypes: ["layer_types"],
  slidingWindow: ["sliding_window"],
  useSlidingWindow: ["use_sliding_window"],
  maxWindowLayers: ["max_window_layers"],
  tieWordEmbeddings: ["tie_word_embeddings"],
  eosTokenIds: ["eos_token_id"],
  quantization: ["quantization_config"],
};

/** Values that transformers takes where config.json is silent, in every family. */
const DEFAULTS = { ropeTheta: 10_000, rmsNormEps: 1e-6 };

/**
 * The model's configuration, from the contents of config.json and, where there is one, generation_config.json.
 *
 * @throws {RangeError} if it asks for what the engine does not do: another architecture or activation, rope scaling, a
 * sliding window, biases of Llama, quantized weights
 * @throws {SyntaxError} if it is malformed
 */
export function huggingFaceConfig(config: Json, generation: Json = {}): ModelConfig {
  const family = familyNamed(createFields((key) => config[key], "config.json").text("model_type"));
  const { defaults, window } = family.huggingFace;
  const endTokens = createFields((key) => generation[key], "generation_config.json").integers("eos_token_id");
  const json = {
    ...config,
    rope_scaling: withRopeType(config.rope_scaling, "unnamed"),
    rope_parameters: withRopeType(config.rope_parameters, "default"),
  };
  const settings = createSettings({
    label: "config.json",
    names: NAMES,
    given: endTokens.length > 0 ? { eosTokenIds: endTokens } : {},
    defaults: { ...DEFAULTS, ...defaults },
    value: (name) => valueAt(json, name),
    state: (name, value) => {
      const [key, inner] = name.split(".");
      const held = inner === undefined ? value : config[key];
      return `config.json's ${key} is ${JSON.stringify(held)?.slice(0, 80)}`;
    },
  });
  return modelConfig({ family, settings, window: window?.(settings) ?? 0 });
}

/** A rope's object with its type under the newer of its two names. */
function withRopeType(rope: unknown, fallback: string): Json | undefined {
  if ((rope ?? null) === null) return undefined;
  const { rope_type, type } = rope as Json;
  return { ...rope as Json, rope_type: rope_type ?? type ?? fallback };
}

function valueAt(json: Json, name: string): unknown {
  const [key, inner] = name.split(".");
  return inner === undefined ? json[key] : (json[key] as Json | undefined)?.[inner];
}
