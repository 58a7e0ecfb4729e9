import { defaultFrequencies } from "../../../../lib/numeric/rotary.ts";
import { uniformRotary } from "../../../fixtures/uniform_rotary.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { huggingFaceConfig } from "../../../../lib/engine/checkpoint/safetensors/hugging_face_config.ts";
import { tinyConfig } from "../../../fixtures/tiny_safetensors.ts";

Deno.test("config.json becomes the model's shape", () => {
  assertEquals(huggingFaceConfig(tinyConfig()), {
    architecture: "qwen2",
    vocabSize: 3,
    hiddenSize: 4,
    intermediateSize: 6,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    numKeyValueHeads: 1,
    headDim: 2,
    maxPositionEmbeddings: 64,
    rotaryDim: 2,
    rotary: uniformRotary(1, defaultFrequencies(2, 1e6)),
    windows: [0],
    traits: {
      activation: "silu",
      norms: "before",
      queryKeyNorm: "none",
      attentionBias: true,
      attentionOutputBias: false,
      mlpBias: false,
      scoreCap: 0,
      logitCap: 0,
    },
    multipliers: { embedding: 1, residual: 1, score: 1, turning: 1, logits: 1 },
    rmsNormEps: 1e-6,
    tieWordEmbeddings: true,
    eosTokenIds: [2],
  });
});

Deno.test("the rope's base is read as it is spelled before and since transformers 5", () => {
  const theta = (more: Record<string, unknown>) =>
    Math.round(huggingFaceConfig(tinyConfig({ head_dim: 4, rope_theta: undefined, ...more })).rotary.kinds[0][1] ** -2);
  assertEquals(theta({ rope_theta: 5e5 }), 5e5);
  assertEquals(theta({ rope_theta: 5e5, rope_scaling: null }), 5e5);
  assertEquals(theta({ rope_parameters: { rope_type: "default", rope_theta: 7e5 } }), 7e5);
  assertEquals(theta({}), 10_000);
});

Deno.test("what config.json leaves out is what transformers takes", () => {
  const absent = {
    head_dim: 8,
    num_key_value_heads: undefined,
    tie_word_embeddings: undefined,
    rms_norm_eps: undefined,
  };
  for (const [model_type, context] of [["qwen2", 32_768], ["llama", 2048]] as const) {
    const config = huggingFaceConfig(tinyConfig({ ...absent, model_type, max_position_embeddings: undefined }));
    assertEquals(
      [
        config.headDim,
        config.numKeyValueHeads,
        config.tieWordEmbeddings,
        config.rmsNormEps,
        config.maxPositionEmbeddings,
      ],
      [8, 2, false, 1e-6, context],
    );
  }
});

Deno.test("generation_config.json says what ends a text", () => {
  assertEquals(huggingFaceConfig(tinyConfig(), { eos_token_id: [2, 1] }).eosTokenIds, [2, 1]);
  assertEquals(huggingFaceConfig(tinyConfig(), { eos_token_id: null }).eosTokenIds, [2]);
  assertEquals(huggingFaceConfig(tinyConfig({ eos_token_id: [1] })).eosTokenIds, [1]);
  assertEquals(huggingFaceConfig(tinyConfig({ eos_token_id: null })).eosTokenIds, []);
});

Deno.test("a sliding window that is not in use, or never moves, is no hindrance", () => {
  const accepted = [
    { use_sliding_window: false, sliding_window: 32, max_window_layers: 0 },
    { use_sliding_window: true, sliding_window: 32, max_window_layers: 1 },
    { use_sliding_window: true, sliding_window: 64, max_window_layers: 0 },
    { layer_types: ["full_attention"] },
  ];
  for (const more of accepted) assertEquals(huggingFaceConfig(tinyConfig(more)).numHiddenLayers, 1);
});

const REFUSED: readonly [string, Record<string, unknown>, typeof RangeError | typeof SyntaxError, string][] = [
  ["another architecture", { model_type: "bert" }, RangeError, "bert: the supported ones are llama"],
  ["another activation", { hidden_act: "relu" }, RangeError, 'hidden_act is "relu"'],
  ["quantized weights", { quantization_config: { quant_method: "awq" } }, RangeError, "quantization_config"],
  ["biases that Mistral lacks", { model_type: "mistral", attention_bias: true }, RangeError, "attention_bias is true"],
  ["rope scaling that nobody knows", { rope_scaling: { rope_type: "wide", factor: 8 } }, RangeError, "wide"],
  ["a name of every object's", { rope_scaling: { rope_type: "constructor", factor: 8 } }, RangeError, "constructor"],
  ["llama3 without its factors", { rope_scaling: { rope_type: "llama3", factor: 8 } }, SyntaxError, "low_freq_factor"],
  [
    "linear scaling of the oldest spelling by 0",
    { rope_scaling: { type: "linear", factor: 0 } },
    SyntaxError,
    "above 0",
  ],
  ["rope scaling of no type", { rope_scaling: { factor: 2 } }, RangeError, "rope_scaling"],
  [
    "LongRoPE of too few divisors",
    { model_type: "phi3", rope_scaling: { type: "su", short_factor: [1, 1], long_factor: [1] } },
    SyntaxError,
    "short_factor must be 1 numbers above 0",
  ],
  ["a cap that Qwen2 lacks", { attn_logit_softcapping: 50 }, RangeError, "attn_logit_softcapping is 50"],
  ["attention both ways", { model_type: "gemma", use_bidirectional_attention: true }, RangeError, "bidirectional"],
  ["a multiplier of 0", { model_type: "granite", residual_multiplier: 0 }, SyntaxError, "residual multiplier"],
  [
    "too few kinds of layers",
    { model_type: "gemma2", layer_types: ["full_attention"], num_hidden_layers: 2 },
    SyntaxError,
    "2 layers",
  ],
  [
    "part of the head rotated",
    { rope_parameters: { partial_rotary_factor: 0.5 } },
    RangeError,
    "partial_rotary_factor",
  ],
  ["part of the head rotated, older", { partial_rotary_factor: 0.5 }, RangeError, "partial_rotary_factor is 0.5"],
  ["attention to later tokens", { is_causal: false }, RangeError, "is_causal is false: supported is true"],
  ["a layer of another kind", { layer_types: ["linear_attention"] }, RangeError, "linear_attention"],
  [
    "a layer with a window in Llama",
    { model_type: "llama", layer_types: ["sliding_attention"] },
    RangeError,
    "sliding",
  ],
  [
    "no vocabulary size",
    { vocab_size: undefined },
    SyntaxError,
    "vocab_size must be a whole number: current value is absent",
  ],
  ["a text for a size", { hidden_size: "4" }, SyntaxError, "hidden_size must be a whole number"],
  ["a negative size", { intermediate_size: -6 }, SyntaxError, "intermediateSize must be in"],
  ["heads that do not divide", { num_attention_heads: 3 }, SyntaxError, "head_dim must be a whole number"],
  ["10⁹ layers", { num_hidden_layers: 1e9 }, SyntaxError, "[1, 1024]"],
  ["a text for a flag", { tie_word_embeddings: "yes" }, SyntaxError, "tie_word_embeddings must be true or false"],
  ["a text for the end token", { eos_token_id: "2" }, SyntaxError, "eos_token_id must be whole numbers"],
  ["a rope base of 0", { rope_theta: 0 }, SyntaxError, "rope_theta must be above 0"],
  [
    "a query scalar below 0",
    { model_type: "gemma2", query_pre_attn_scalar: -4 },
    SyntaxError,
    "query_pre_attn_scalar must be above 0: current value is -4",
  ],
];

for (const [what, more, kind, message] of REFUSED) {
  Deno.test(`a config.json with ${what} is refused`, () => {
    assertThrows(() => huggingFaceConfig(tinyConfig(more)), kind, message);
  });
}
