import { createFields, type Fields } from "../../../files/fields.ts";
import { checkArchitecture, checkConfig } from "../architecture.ts";
import type { Architecture, ModelConfig } from "../checkpoint.ts";

type Json = Readonly<Record<string, unknown>>;

/** What transformers takes where config.json is silent. */
const DEFAULTS: Readonly<Record<Architecture, { maxPositionEmbeddings: number }>> = {
  llama: { maxPositionEmbeddings: 2048 },
  qwen2: { maxPositionEmbeddings: 32_768 },
};
const DEFAULT_ROPE_THETA = 10_000;
const DEFAULT_RMS_NORM_EPS = 1e-6;

/**
 * The model's shape, from the contents of config.json and, where there is one, generation_config.json.
 *
 * @throws {RangeError} if it asks for what the engine does not do: another architecture or activation, rope scaling, a
 * sliding window, biases of Llama, quantised weights
 * @throws {SyntaxError} if it is malformed
 */
export function huggingFaceConfig(config: Json, generation: Json = {}): ModelConfig {
  const fields = createFields((key) => config[key], "config.json");
  const architecture = checkArchitecture(fields.text("model_type"));
  checkSupported(fields, architecture);
  const hiddenSize = fields.integer("hidden_size");
  const numAttentionHeads = fields.integer("num_attention_heads");
  const { maxPositionEmbeddings } = DEFAULTS[architecture];
  const checked = checkConfig({
    architecture,
    vocabSize: fields.integer("vocab_size"),
    hiddenSize,
    intermediateSize: fields.integer("intermediate_size"),
    numHiddenLayers: fields.integer("num_hidden_layers"),
    numAttentionHeads,
    numKeyValueHeads: fields.integer("num_key_value_heads", numAttentionHeads),
    headDim: fields.integer("head_dim", hiddenSize / numAttentionHeads),
    maxPositionEmbeddings: fields.integer("max_position_embeddings", maxPositionEmbeddings),
    ropeTheta: ropeTheta(fields),
    rmsNormEps: fields.number("rms_norm_eps", DEFAULT_RMS_NORM_EPS),
    tieWordEmbeddings: fields.flag("tie_word_embeddings", false),
    eosTokenIds: endTokens(fields, generation),
  });
  checkWindow(fields, checked);
  return checked;
}

function checkSupported(fields: Fields, architecture: Architecture): void {
  const activation = fields.text("hidden_act") ?? "silu";
  if (activation !== "silu") unsupported("hidden_act", activation, "silu");
  if (fields.value("quantization_config") !== undefined) {
    unsupported("quantization_config", fields.value("quantization_config"), "none: weights in F32, F16 or BF16");
  }
  for (const key of ["attention_bias", "mlp_bias"]) {
    if (architecture === "llama" && fields.flag(key, false)) unsupported(key, true, "false");
  }
  const rotated = fields.number("partial_rotary_factor", 1);
  if (rotated !== 1) unsupported("partial_rotary_factor", rotated, "1");
}

/** Reads `rope_theta`, or `rope_parameters` as transformers writes it from version 5 on. */
function ropeTheta(fields: Fields): number {
  for (const key of ["rope_scaling", "rope_parameters"]) {
    const rope = createFields((inner) => (fields.value(key) as Json | undefined)?.[inner], `config.json's ${key}`);
    const type = rope.text("rope_type") ?? rope.text("type") ??
      (key === "rope_scaling" && fields.value(key) ? "unnamed" : "default");
    if (type !== "default") unsupported(key, fields.value(key), "the default, without scaling");
    const rotated = rope.number("partial_rotary_factor", 1);
    if (rotated !== 1) unsupported(`${key}.partial_rotary_factor`, rotated, "1");
  }
  const parameters = fields.value("rope_parameters") as Json | undefined;
  const old = fields.number("rope_theta", DEFAULT_ROPE_THETA);
  return createFields((key) => parameters?.[key], "config.json's rope_parameters").number("rope_theta", old);
}

/** Qwen2 slides its window from layer `max_window_layers` on; one as long as the context never moves. */
function checkWindow(fields: Fields, { architecture, numHiddenLayers, maxPositionEmbeddings }: ModelConfig): void {
  const kinds = fields.value("layer_types");
  const sliding = Array.isArray(kinds) ? kinds.find((kind) => kind !== "full_attention") : undefined;
  if (sliding !== undefined) unsupported("layer_types", sliding, "full_attention");
  if (architecture !== "qwen2" || !fields.flag("use_sliding_window", false)) return;
  const window = fields.integer("sliding_window", 4096);
  const first = fields.integer("max_window_layers", 28);
  if (first < numHiddenLayers && window < maxPositionEmbeddings) {
    unsupported("sliding_window", window, `none, or ${maxPositionEmbeddings} and more`);
  }
}

function endTokens(fields: Fields, generation: Json): number[] {
  const own = createFields((key) => generation[key], "generation_config.json").integers("eos_token_id");
  return own.length > 0 ? own : fields.integers("eos_token_id");
}

function unsupported(key: string, value: unknown, supported: string): never {
  const current = JSON.stringify(value)?.slice(0, 80);
  throw new RangeError(`Cannot run this model as config.json's ${key} is ${current}: supported is ${supported}`);
}
