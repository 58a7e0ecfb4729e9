import type { Multipliers } from "../checkpoint.ts";
import type { Biases, Family, FamilyTensor, FamilyTensors, Sizes } from "./family.ts";
import { halvesFromPairs } from "./rotary_order.ts";
import type { Settings } from "./settings.ts";

const MODEL_TENSORS: FamilyTensors["model"] = [
  { name: "model.embed_tokens.weight", gguf: "token_embd.weight", shape: ["vocab", "hidden"] },
  { name: "model.norm.weight", gguf: "output_norm.weight", shape: ["hidden"] },
  {
    name: "lm_head.weight",
    gguf: "output.weight",
    shape: ["vocab", "hidden"],
    when: ({ tieWordEmbeddings }) => !tieWordEmbeddings,
  },
];

/** Attention and gated network, without the layer's norms. */
const SUBLAYERS: FamilyTensors["layer"] = [
  { name: "self_attn.q_proj.weight", gguf: "attn_q.weight", shape: ["queries", "hidden"] },
  { name: "self_attn.k_proj.weight", gguf: "attn_k.weight", shape: ["keys", "hidden"] },
  { name: "self_attn.v_proj.weight", gguf: "attn_v.weight", shape: ["keys", "hidden"] },
  bias("self_attn.q_proj.bias", "attn_q.bias", "queries", "attentionBias"),
  bias("self_attn.k_proj.bias", "attn_k.bias", "keys", "attentionBias"),
  bias("self_attn.v_proj.bias", "attn_v.bias", "keys", "attentionBias"),
  { name: "self_attn.o_proj.weight", gguf: "attn_output.weight", shape: ["hidden", "queries"] },
  bias("self_attn.o_proj.bias", "attn_output.bias", "hidden", "attentionOutputBias"),
  { name: "mlp.gate_proj.weight", gguf: "ffn_gate.weight", shape: ["intermediate", "hidden"] },
  { name: "mlp.up_proj.weight", gguf: "ffn_up.weight", shape: ["intermediate", "hidden"] },
  { name: "mlp.down_proj.weight", gguf: "ffn_down.weight", shape: ["hidden", "intermediate"] },
  bias("mlp.gate_proj.bias", "ffn_gate.bias", "intermediate", "mlpBias"),
  bias("mlp.up_proj.bias", "ffn_up.bias", "intermediate", "mlpBias"),
  bias("mlp.down_proj.bias", "ffn_down.bias", "hidden", "mlpBias"),
];

function bias(
  name: string,
  gguf: string,
  width: FamilyTensor["shape"][number],
  trait: "attentionBias" | "attentionOutputBias" | "mlpBias",
): FamilyTensor {
  return { name, gguf, shape: [width], when: ({ traits }) => traits[trait] };
}

function layerNorm(name: string, gguf: string): FamilyTensor {
  return { name: `${name}.weight`, gguf: `${gguf}.weight`, shape: ["hidden"] };
}

/** The tensors of a decoder with a norm before each sublayer. */
const DECODER_TENSORS: FamilyTensors = {
  model: MODEL_TENSORS,
  layer: [layerNorm("input_layernorm", "attn_norm"), layerNorm("post_attention_layernorm", "ffn_norm"), ...SUBLAYERS],
};

const HEAD_NORMS: FamilyTensors["layer"] = [
  { name: "self_attn.q_norm.weight", gguf: "attn_q_norm.weight", shape: ["head"] },
  { name: "self_attn.k_norm.weight", gguf: "attn_k_norm.weight", shape: ["head"] },
];

/** The tensors of a decoder with norms before and after each sublayer. */
const SANDWICH_TENSORS: FamilyTensors = {
  model: MODEL_TENSORS,
  layer: [
    layerNorm("input_layernorm", "attn_norm"),
    layerNorm("post_attention_layernorm", "post_attention_norm"),
    layerNorm("pre_feedforward_layernorm", "ffn_norm"),
    layerNorm("post_feedforward_layernorm", "post_ffw_norm"),
    ...SUBLAYERS,
  ],
};

/** Biases of all of attention's projections by one setting, and of the network's by another. */
function biasesAsSet({ flag }: Settings): Biases {
  const attentionBias = flag("attentionBias", false);
  return {
    attentionBias,
    attentionOutputBias: flag("attentionOutputBias", attentionBias),
    mlpBias: flag("mlpBias", false),
  };
}

/** Qwen's windows begin at layer max_window_layers, where they are in use. */
function slidesBeyond({ flag, integer }: Settings, layer: number): boolean {
  return flag("useSlidingWindow", false) && layer >= integer("maxWindowLayers", 0);
}

/** Gemma scales scores by a size of its own where that is not the head's. */
function gemmaMultipliers({ number, fail }: Settings, { hiddenSize, headDim }: Sizes): Partial<Multipliers> {
  const scalar = number("queryScalar", headDim);
  if (!(scalar > 0)) fail("queryScalar", "must be above 0", scalar);
  return { embedding: Math.sqrt(hiddenSize), score: Math.sqrt(headDim / scalar) };
}

/** Llama 1 to 3, and models of its form (SmolLM2): https://arxiv.org/abs/2302.13971 */
const LLAMA: Family = {
  models: "Llama 1 to 3, SmolLM2",
  huggingFace: {
    modelType: "llama",
    className: "LlamaForCausalLM",
    defaults: { maxPositionEmbeddings: 2048 },
  },
  gguf: { architecture: "llama", rows: halvesFromPairs },
  tensors: DECODER_TENSORS,
  biases: biasesAsSet,
  has: ["attentionBias", "mlpBias"],
};

/** Qwen2 and Qwen2.5: Llama's form with biases on queries, keys and values (https://arxiv.org/abs/2407.10671). */
const QWEN2: Family = {
  models: "Qwen2, Qwen2.5",
  huggingFace: {
    modelType: "qwen2",
    className: "Qwen2ForCausalLM",
    defaults: { maxPositionEmbeddings: 32_768, slidingWindow: 4096, maxWindowLayers: 28, useSlidingWindow: false },
  },
  gguf: { architecture: "qwen2" },
  tensors: DECODER_TENSORS,
  biases: () => ({ attentionBias: true }),
  slides: slidesBeyond,
  has: ["attentionBias", "layerTypes"],
};

/** Qwen3: norms of each query and key in place of Qwen2's biases (https://arxiv.org/abs/2505.09388). */
const QWEN3: Family = {
  models: "Qwen3, dense",
  huggingFace: {
    modelType: "qwen3",
    className: "Qwen3ForCausalLM",
    defaults: {
      maxPositionEmbeddings: 32_768,
      headDim: 128,
      slidingWindow: 4096,
      maxWindowLayers: 28,
      useSlidingWindow: false,
    },
  },
  gguf: { architecture: "qwen3" },
  tensors: { ...DECODER_TENSORS, layer: [...DECODER_TENSORS.layer, ...HEAD_NORMS] },
  queryKeyNorm: "head",
  biases: biasesAsSet,
  slides: slidesBeyond,
  has: ["attentionBias", "layerTypes"],
};

/** Mistral 7B, Nemo and Small: a window in every layer, where there is one (https://arxiv.org/abs/2310.06825). */
const MISTRAL: Family = {
  models: "Mistral 7B, Nemo, Small",
  huggingFace: {
    modelType: "mistral",
    className: "MistralForCausalLM",
    defaults: { maxPositionEmbeddings: 131_072, slidingWindow: 4096 },
  },
  tensors: DECODER_TENSORS,
  slides: () => true,
};

/** Ministral 8B: windows in some layers. */
const MINISTRAL: Family = {
  models: "Ministral 8B",
  huggingFace: {
    modelType: "ministral",
    className: "MinistralForCausalLM",
    defaults: { maxPositionEmbeddings: 131_072, slidingWindow: 4096 },
  },
  tensors: DECODER_TENSORS,
  slides: () => true,
  has: ["layerTypes"],
};

/** Phi-3, Phi-3.5 and Phi-4-mini: packed projections, LongRoPE (https://arxiv.org/abs/2404.14219). */
const PHI3: Family = {
  models: "Phi-3, Phi-3.5, Phi-4, Phi-4-mini",
  huggingFace: {
    modelType: "phi3",
    className: "Phi3ForCausalLM",
    defaults: { maxPositionEmbeddings: 4096, rmsNormEps: 1e-5 },
    originalLength: 4096,
    ropeTypes: { su: "longrope", yarn: "longrope" },
  },
  gguf: { architecture: "phi3" },
  tensors: {
    ...DECODER_TENSORS,
    packed: [
      {
        name: "self_attn.qkv_proj.weight",
        gguf: "attn_qkv.weight",
        parts: ["self_attn.q_proj.weight", "self_attn.k_proj.weight", "self_attn.v_proj.weight"],
      },
      { name: "mlp.gate_up_proj.weight", gguf: "ffn_up.weight", parts: ["mlp.gate_proj.weight", "mlp.up_proj.weight"] },
    ],
  },
  slides: () => true,
  partialRotary: true,
};

/** Gemma: norms of 1 + w, embeddings scaled by √hidden (https://arxiv.org/abs/2403.08295). */
const GEMMA: Family = {
  models: "Gemma",
  huggingFace: {
    modelType: "gemma",
    className: "GemmaForCausalLM",
    defaults: { maxPositionEmbeddings: 8192, headDim: 256, tieWordEmbeddings: true },
    normOffset: 1,
  },
  gguf: { architecture: "gemma" },
  tensors: DECODER_TENSORS,
  activation: "gelu_pytorch_tanh",
  biases: biasesAsSet,
  multipliers: (_, { hiddenSize }) => ({ embedding: Math.sqrt(hiddenSize) }),
  has: ["attentionBias"],
};

/** Gemma 2: norms on both sides, caps, a window in every other layer (https://arxiv.org/abs/2408.00118). */
const GEMMA2: Family = {
  models: "Gemma 2",
  huggingFace: {
    modelType: "gemma2",
    className: "Gemma2ForCausalLM",
    defaults: {
      maxPositionEmbeddings: 8192,
      headDim: 256,
      tieWordEmbeddings: true,
      queryScalar: 256,
      slidingWindow: 4096,
      scoreCap: 50,
      logitCap: 30,
    },
    normOffset: 1,
  },
  gguf: {
    architecture: "gemma2",
    // Of the 27B model alone it is another size.
    assumed: ({ numHiddenLayers, hiddenSize, numAttentionHeads, headDim }) => ({
      queryScalar: numHiddenLayers === 46 ? hiddenSize / numAttentionHeads : headDim,
      slidingWindow: 4096,
      scoreCap: 50,
      logitCap: 30,
    }),
  },
  tensors: SANDWICH_TENSORS,
  activation: "gelu_pytorch_tanh",
  norms: "both",
  biases: biasesAsSet,
  multipliers: gemmaMultipliers,
  slides: ({ integer }, layer) => (layer + 1) % integer("slidingPattern", 2) !== 0,
  has: ["attentionBias", "queryScalar", "scoreCap", "logitCap", "slidingPattern", "layerTypes"],
};

/** Gemma 3, text alone: norms of queries and keys, five layers of six with a window (https://arxiv.org/abs/2503.19786). */
const GEMMA3: Family = {
  models: "Gemma 3, text alone",
  huggingFace: {
    modelType: "gemma3_text",
    className: "Gemma3ForCausalLM",
    defaults: {
      vocabSize: 262_208,
      maxPositionEmbeddings: 131_072,
      numAttentionHeads: 8,
      numKeyValueHeads: 4,
      headDim: 256,
      tieWordEmbeddings: true,
      queryScalar: 256,
      slidingWindow: 4096,
    },
    ropeTheta: 1_000_000,
    slidingTheta: 10_000,
    normOffset: 1,
  },
  gguf: {
    architecture: "gemma3",
    slidingTheta: 10_000,
    // Of the 27B model alone it is another size.
    assumed: ({ numHiddenLayers, hiddenSize, numAttentionHeads, headDim }) => ({
      queryScalar: numHiddenLayers === 62 ? hiddenSize / numAttentionHeads : headDim,
    }),
  },
  tensors: { ...SANDWICH_TENSORS, layer: [...SANDWICH_TENSORS.layer, ...HEAD_NORMS] },
  activation: "gelu_pytorch_tanh",
  norms: "both",
  queryKeyNorm: "head",
  biases: biasesAsSet,
  multipliers: gemmaMultipliers,
  slides: ({ integer }, layer) => (layer + 1) % integer("slidingPattern", 6) !== 0,
  has: ["attentionBias", "queryScalar", "scoreCap", "logitCap", "slidingPattern", "layerTypes"],
};

/** SmolLM3: Llama's form, every fourth layer without positions (https://huggingface.co/blog/smollm3). */
const SMOLLM3: Family = {
  models: "SmolLM3",
  huggingFace: {
    modelType: "smollm3",
    className: "SmolLM3ForCausalLM",
    defaults: {
      maxPositionEmbeddings: 32_768,
      numKeyValueHeads: 4,
      tieWordEmbeddings: true,
      ropelessInterval: 4,
    },
    ropeTheta: 2_000_000,
  },
  gguf: { architecture: "smollm3", rows: halvesFromPairs, assumed: () => ({ ropelessInterval: 4 }) },
  tensors: DECODER_TENSORS,
  biases: biasesAsSet,
  ropeless,
  slides: (settings, layer) => settings.flag("useSlidingWindow", false) && ropeless(settings, layer),
  has: ["attentionBias", "mlpBias", "ropelessLayers", "ropelessInterval", "layerTypes"],
};

/** The list names layers with positions by 1, those without by 0. */
function ropeless({ value, integers, integer, fail }: Settings, layer: number): boolean {
  if (value("ropelessLayers") === undefined) return (layer + 1) % integer("ropelessInterval") === 0;
  const listed = integers("ropelessLayers");
  if (layer >= listed.length) fail("ropelessLayers", "must have a number for each layer", listed);
  return listed[layer] === 0;
}

/** Granite 3, dense: Llama's form with four multipliers (https://arxiv.org/abs/2408.13359, section 3). */
const GRANITE: Family = {
  models: "Granite 3, dense",
  huggingFace: {
    modelType: "granite",
    className: "GraniteForCausalLM",
    defaults: { maxPositionEmbeddings: 2048 },
  },
  gguf: {
    architecture: "granite",
    rows: halvesFromPairs,
    assumed: ({ headDim }) => ({ attentionMultiplier: 1 / Math.sqrt(headDim) }),
  },
  tensors: DECODER_TENSORS,
  // llama.cpp turns nothing at all in a file that says false.
  only: { ropeFinetuned: true },
  biases: biasesAsSet,
  multipliers: ({ number }, { headDim }) => ({
    embedding: number("embeddingMultiplier", 1),
    residual: number("residualMultiplier", 1),
    score: number("attentionMultiplier", 1) * Math.sqrt(headDim),
    logits: 1 / number("logitsDivisor", 1),
  }),
  has: [
    "attentionBias",
    "mlpBias",
    "embeddingMultiplier",
    "residualMultiplier",
    "attentionMultiplier",
    "logitsDivisor",
  ],
};

/** OLMo 2: norms after each sublayer, and of all queries and keys of a token (https://arxiv.org/abs/2501.00656). */
const OLMO2: Family = {
  models: "OLMo 2",
  huggingFace: {
    modelType: "olmo2",
    className: "Olmo2ForCausalLM",
    defaults: { maxPositionEmbeddings: 2048, rmsNormEps: 1e-5 },
  },
  gguf: { architecture: "olmo2" },
  tensors: {
    model: MODEL_TENSORS,
    layer: [
      layerNorm("post_attention_layernorm", "post_attention_norm"),
      layerNorm("post_feedforward_layernorm", "post_ffw_norm"),
      ...SUBLAYERS,
      { name: "self_attn.q_norm.weight", gguf: "attn_q_norm.weight", shape: ["queries"] },
      { name: "self_attn.k_norm.weight", gguf: "attn_k_norm.weight", shape: ["keys"] },
    ],
  },
  norms: "after",
  queryKeyNorm: "token",
  biases: biasesAsSet,
  has: ["attentionBias"],
};

/** Seed-OSS: Llama's form with biases as they are set. */
const SEED_OSS: Family = {
  models: "Seed-OSS",
  huggingFace: {
    modelType: "seed_oss",
    className: "SeedOssForCausalLM",
    defaults: {
      maxPositionEmbeddings: 524_288,
      headDim: 128,
      attentionBias: true,
      attentionOutputBias: false,
    },
  },
  gguf: { architecture: "seed_oss" },
  tensors: {
    ...DECODER_TENSORS,
    // llama.cpp calls the norm before the network by what comes before it.
    layer: DECODER_TENSORS.layer.map((tensor) =>
      tensor.gguf === "ffn_norm.weight" ? { ...tensor, gguf: "post_attention_norm.weight" } : tensor
    ),
  },
  biases: biasesAsSet,
  has: ["attentionBias", "attentionOutputBias", "mlpBias"],
};

/** Every family that the engine knows. */
export const FAMILIES: readonly Family[] = [
  LLAMA,
  QWEN2,
  QWEN3,
  MISTRAL,
  MINISTRAL,
  PHI3,
  GEMMA,
  GEMMA2,
  GEMMA3,
  SMOLLM3,
  GRANITE,
  OLMO2,
  SEED_OSS,
];

const EXPERTS = "experts";
const LAYER_NORM = "LayerNorm with a mean";
const LATENT = "keys and values that are compressed together (multi-head latent attention)";
const STATES = "layers that keep a state in place of rows";

/** Families that people have and the engine does not run, by both containers' names: what it lacks for them. */
const LACKING: Readonly<Record<string, string>> = {
  mixtral: EXPERTS,
  qwen2_moe: EXPERTS,
  qwen2moe: EXPERTS,
  qwen3_moe: EXPERTS,
  qwen3moe: EXPERTS,
  olmoe: EXPERTS,
  granitemoe: EXPERTS,
  dbrx: EXPERTS,
  llama4: `${EXPERTS}, and attention in chunks`,
  llama4_text: `${EXPERTS}, and attention in chunks`,
  gpt_oss: `${EXPERTS}, and sinks in the softmax`,
  "gpt-oss": `${EXPERTS}, and sinks in the softmax`,
  deepseek_v2: LATENT,
  deepseek_v3: LATENT,
  deepseek2: LATENT,
  minicpm3: LATENT,
  gpt2: `${LAYER_NORM}, and learned positions`,
  gpt_neox: LAYER_NORM,
  gptneox: LAYER_NORM,
  phi: LAYER_NORM,
  phi2: LAYER_NORM,
  stablelm: LAYER_NORM,
  starcoder2: LAYER_NORM,
  cohere: LAYER_NORM,
  cohere2: LAYER_NORM,
  "command-r": LAYER_NORM,
  falcon: LAYER_NORM,
  bloom: `${LAYER_NORM}, and biases of positions`,
  mpt: `${LAYER_NORM}, and biases of positions`,
  mamba: STATES,
  mamba2: STATES,
  rwkv: STATES,
  jamba: STATES,
  lfm2: STATES,
  granitemoehybrid: STATES,
  granitehybrid: STATES,
  qwen3_next: STATES,
  qwen3next: STATES,
  falcon_h1: STATES,
  gemma3: "images: take a folder of its text alone (gemma3_text)",
  gemma3n: "embeddings of each layer",
  gemma3n_text: "embeddings of each layer",
  llava: "images",
  qwen2_vl: "images",
  qwen2_5_vl: "images",
  glm4: "rotation of neighbouring pairs in a part of the head",
  mistral3: "scaling of queries by their position",
  ministral3: "scaling of queries by their position",
};

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
  const names = new Intl.ListFormat("en").format(families.map(nameOf));
  const lacking = name !== undefined && Object.hasOwn(LACKING, name) ? ` as the engine lacks ${LACKING[name]}` : "";
  throw new RangeError(
    `Cannot run the architecture ${name?.slice(0, 80) ?? "(none named)"}${lacking}: the supported ones are ${names}`,
  );
}
