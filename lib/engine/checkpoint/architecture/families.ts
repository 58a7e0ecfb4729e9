import type { Family, FamilyTensors } from "./family.ts";
import { halvesFromPairs } from "./rotary_order.ts";

/** The tensors of a decoder with gated SiLU network, by both containers' names. */
const DECODER_TENSORS: FamilyTensors = {
  model: [
    { name: "model.embed_tokens.weight", gguf: "token_embd.weight", shape: ["vocab", "hidden"] },
    { name: "model.norm.weight", gguf: "output_norm.weight", shape: ["hidden"] },
    {
      name: "lm_head.weight",
      gguf: "output.weight",
      shape: ["vocab", "hidden"],
      when: ({ tieWordEmbeddings }) => !tieWordEmbeddings,
    },
  ],
  layer: [
    { name: "input_layernorm.weight", gguf: "attn_norm.weight", shape: ["hidden"] },
    { name: "self_attn.q_proj.weight", gguf: "attn_q.weight", shape: ["queries", "hidden"] },
    { name: "self_attn.k_proj.weight", gguf: "attn_k.weight", shape: ["keys", "hidden"] },
    { name: "self_attn.v_proj.weight", gguf: "attn_v.weight", shape: ["keys", "hidden"] },
    { name: "self_attn.q_proj.bias", gguf: "attn_q.bias", shape: ["queries"], when: hasAttentionBias },
    { name: "self_attn.k_proj.bias", gguf: "attn_k.bias", shape: ["keys"], when: hasAttentionBias },
    { name: "self_attn.v_proj.bias", gguf: "attn_v.bias", shape: ["keys"], when: hasAttentionBias },
    { name: "self_attn.o_proj.weight", gguf: "attn_output.weight", shape: ["hidden", "queries"] },
    { name: "post_attention_layernorm.weight", gguf: "ffn_norm.weight", shape: ["hidden"] },
    { name: "mlp.gate_proj.weight", gguf: "ffn_gate.weight", shape: ["intermediate", "hidden"] },
    { name: "mlp.up_proj.weight", gguf: "ffn_up.weight", shape: ["intermediate", "hidden"] },
    { name: "mlp.down_proj.weight", gguf: "ffn_down.weight", shape: ["hidden", "intermediate"] },
  ],
};

function hasAttentionBias({ attentionBias }: { readonly attentionBias: boolean }): boolean {
  return attentionBias;
}

/** Llama 1 to 3 without rope scaling, and models of its form (SmolLM2): https://arxiv.org/abs/2302.13971 */
const LLAMA: Family = {
  huggingFace: {
    modelType: "llama",
    className: "LlamaForCausalLM",
    defaults: { maxPositionEmbeddings: 2048 },
  },
  gguf: { architecture: "llama", rows: halvesFromPairs },
  tensors: DECODER_TENSORS,
  activations: ["silu"],
  rotary: ["default"],
  attentionBias: false,
  only: { attentionBias: false, mlpBias: false },
};

/** Qwen2 and Qwen2.5: Llama's form with biases on queries, keys and values (https://arxiv.org/abs/2407.10671). */
const QWEN2: Family = {
  huggingFace: {
    modelType: "qwen2",
    className: "Qwen2ForCausalLM",
    defaults: { maxPositionEmbeddings: 32_768, slidingWindow: 4096, maxWindowLayers: 28 },
    // The window slides from layer max_window_layers on.
    window: ({ flag, integer }) =>
      flag("useSlidingWindow", false) && integer("maxWindowLayers", 0) < integer("numHiddenLayers")
        ? integer("slidingWindow", 0)
        : 0,
  },
  gguf: { architecture: "qwen2" },
  tensors: DECODER_TENSORS,
  activations: ["silu"],
  rotary: ["default"],
  attentionBias: true,
};

/** Every family that the engine knows. */
export const FAMILIES: readonly Family[] = [LLAMA, QWEN2];

/**
 * The family of config.json's `model_type`, which is a configuration's `architecture` too.
 *
 * @throws {RangeError} naming the families that the engine runs
 */
export function familyNamed(modelType: string | undefined): Family {
  return find(modelType, FAMILIES, ({ huggingFace }) => huggingFace.modelType);
}

/**
 * The family of a GGUF file's `general.architecture`.
 *
 * @throws {RangeError} naming the families that the engine runs
 */
export function ggufFamily(architecture: string | undefined): Family & Required<Pick<Family, "gguf">> {
  const inGguf = FAMILIES.flatMap(({ gguf, ...family }) => gguf === undefined ? [] : [{ ...family, gguf }]);
  return find(architecture, inGguf, ({ gguf }) => gguf.architecture);
}

function find<T extends Family>(
  name: string | undefined,
  families: readonly T[],
  nameOf: (family: T) => string,
): T {
  const found = families.find((family) => nameOf(family) === name);
  if (found !== undefined) return found;
  const running = families.filter(({ lacks }) => lacks === undefined);
  const names = new Intl.ListFormat("en").format(running.map(nameOf));
  throw new RangeError(`Cannot run the architecture ${name ?? "(none named)"}: the supported ones are ${names}`);
}
