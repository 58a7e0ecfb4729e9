import type { TensorToWrite } from "./safetensors_bytes.ts";

/** config.json of a model of one layer: hidden 4, 2 query heads on 1 kv head of 2, 3 tokens. */
export function tinyConfig(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return {
    model_type: "qwen2",
    vocab_size: 3,
    hidden_size: 4,
    intermediate_size: 6,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    num_key_value_heads: 1,
    max_position_embeddings: 64,
    rope_theta: 1e6,
    rms_norm_eps: 1e-6,
    hidden_act: "silu",
    tie_word_embeddings: true,
    eos_token_id: 2,
    ...more,
  };
}

const LAYER = "model.layers.0";
const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "model.embed_tokens.weight": [3, 4],
  "model.norm.weight": [4],
  [`${LAYER}.input_layernorm.weight`]: [4],
  [`${LAYER}.post_attention_layernorm.weight`]: [4],
  [`${LAYER}.self_attn.q_proj.weight`]: [4, 4],
  [`${LAYER}.self_attn.k_proj.weight`]: [2, 4],
  [`${LAYER}.self_attn.v_proj.weight`]: [2, 4],
  [`${LAYER}.self_attn.o_proj.weight`]: [4, 4],
  [`${LAYER}.self_attn.q_proj.bias`]: [4],
  [`${LAYER}.self_attn.k_proj.bias`]: [2],
  [`${LAYER}.self_attn.v_proj.bias`]: [2],
  [`${LAYER}.mlp.gate_proj.weight`]: [6, 4],
  [`${LAYER}.mlp.up_proj.weight`]: [6, 4],
  [`${LAYER}.mlp.down_proj.weight`]: [4, 6],
};

/** A tensor of that shape: value i is i, in F32. */
export function counting(shape: readonly number[]): TensorToWrite {
  const count = shape.reduce((product, extent) => product * extent, 1);
  return {
    dtype: "F32",
    shape,
    data: new Uint8Array(Float32Array.from({ length: count }, (_, index) => index).buffer),
  };
}

/** The tensors of the tiny model, with changes; undefined leaves one out. */
export function tinyTensors(
  changes: Readonly<Record<string, TensorToWrite | undefined>> = {},
): Record<string, TensorToWrite> {
  const all = {
    ...Object.fromEntries(Object.entries(SHAPES).map(([name, shape]) => [name, counting(shape)])),
    ...changes,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, TensorToWrite] => entry[1] !== undefined),
  );
}
