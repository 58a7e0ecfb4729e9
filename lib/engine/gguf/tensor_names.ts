const WHOLE_MODEL: ReadonlyMap<string, string> = new Map(Object.entries({
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
}));

const IN_LAYER: ReadonlyMap<string, string> = new Map(Object.entries({
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
}));

/**
 * Hugging Face's name of a GGUF tensor (`blk.0.attn_q.weight` → `model.layers.0.self_attn.q_proj.weight`); a name that
 * is none of Llama's or Qwen2's stays as it is.
 */
export function huggingFaceName(name: string): string {
  const [, layer, module, kind] = name.match(/^(?:blk\.(0|[1-9]\d*)\.)?([a-z_]+)\.(weight|bias)$/) ?? [];
  const renamed = layer === undefined ? WHOLE_MODEL.get(module) : IN_LAYER.get(module);
  if (renamed === undefined) return name;
  return layer === undefined ? `${renamed}.${kind}` : `model.layers.${layer}.${renamed}.${kind}`;
}
