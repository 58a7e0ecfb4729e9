import {
  convolutionState,
  deltaNetState,
  type LayerState,
  mamba2State,
  mambaState,
  type RowState,
} from "./layer_state.ts";
import type { Json, LayoutConfig } from "./layout_config.ts";
import { quoted } from "../files/quoted.ts";

/**
 * One family of models, by what its layers keep of the text. A new family is one more record: no other code asks for a
 * family's name. Keys, defaults and the order of layers are those of transformers 5.2's `configuration_*.py`.
 */
export interface LayoutFamily {
  /** `model_type`s of config.json, those of a model's text part among them. */
  readonly modelTypes: readonly string[];
  /** `general.architecture`s of GGUF files. */
  readonly gguf?: readonly string[];
  /** Values where a configuration is silent. */
  readonly defaults?: Json;
  /** Values where a GGUF file is silent and other ones than these are meant. */
  readonly ggufDefaults?: Json;
  /** The container's names of keys that this family calls otherwise. */
  readonly names?: { readonly config?: Names; readonly gguf?: Names };
  /** The type of each layer where `layer_types` is absent; `full_attention` by default. */
  readonly layerType?: (layer: number, config: LayoutConfig, layers: number) => string;
  /** What a layer of a type keeps, where this family differs from {@linkcode layerStates}. */
  readonly states?: Readonly<Record<string, StatesOf>>;
  /** In GGUF, the type of layers without kv heads. */
  readonly recurrent?: string;
}

/** A container's name by config.json's. */
export type Names = Readonly<Record<string, string>>;

type StatesOf = (config: LayoutConfig, layer: number, layers: number) => readonly LayerState[];

/** Every n-th layer sees all, those between slide. */
function slidingBut(every: (config: LayoutConfig) => number | undefined): LayoutFamily["layerType"] {
  return (layer, config) => {
    const period = every(config);
    const full = period === undefined || (layer + 1) % period === 0;
    return full || config.optionalCount("sliding_window") === undefined ? "full_attention" : "sliding_attention";
  };
}

/** All layers slide where there is a window. */
const ALL_SLIDE: LayoutFamily["layerType"] = (_layer, config) =>
  config.optionalCount("sliding_window") === undefined ? "full_attention" : "sliding_attention";

/** The window slides from layer `max_window_layers` on, if at all. */
const QWEN_SLIDES = (layer: number, config: LayoutConfig): string =>
  config.flag("use_sliding_window", false) && config.optionalCount("sliding_window") !== undefined &&
    layer >= (config.optionalCount("max_window_layers") ?? 0)
    ? "sliding_attention"
    : "full_attention";

const QWEN_WINDOW = { sliding_window: 4096, max_window_layers: 28 };

/** Every `full_attention_interval`-th layer sees all, those between are linear. */
const LINEAR_BUT: LayoutFamily["layerType"] = (layer, config) =>
  (layer + 1) % config.count("full_attention_interval", 4) === 0 ? "full_attention" : "linear_attention";

/** Sizes of Gated DeltaNet in Qwen3-Next and Qwen3.5. */
const DELTA_NET = {
  head_dim: 256,
  linear_conv_kernel_dim: 4,
  linear_key_head_dim: 128,
  linear_value_head_dim: 128,
  linear_num_key_heads: 16,
  linear_num_value_heads: 32,
};

/** Multi-head latent attention: no kv heads, one latent vector and one rotary key a token. */
const LATENT: Readonly<Record<string, StatesOf>> = {
  full_attention: (config) => [{
    kind: "latent attention",
    kvHeads: 1,
    keyDim: config.count("qk_rope_head_dim"),
    valueDim: config.count("kv_lora_rank"),
  }],
};

/** Layers of Mamba, whose channels have no heads. */
const MAMBA: Readonly<Record<string, StatesOf>> = {
  mamba: (config) => [mambaState(config.count("mamba_d_conv"), innerSize(config), config.count("mamba_d_state"))],
};

/** Every family whose layers are known. */
export const LAYOUT_FAMILIES: readonly LayoutFamily[] = [
  { modelTypes: ["llama", "arcee", "apertus"], gguf: ["llama", "arcee", "apertus"] },
  { modelTypes: ["seed_oss"], gguf: ["seed_oss"], defaults: { num_key_value_heads: 8, head_dim: 128 } },
  {
    modelTypes: ["mistral", "ministral"],
    defaults: { num_key_value_heads: 8, sliding_window: 4096 },
    layerType: ALL_SLIDE,
  },
  {
    modelTypes: ["ministral3"],
    gguf: ["mistral3"],
    defaults: { num_key_value_heads: 8, head_dim: 128 },
    layerType: ALL_SLIDE,
  },
  {
    modelTypes: ["mixtral", "phimoe"],
    gguf: ["phimoe"],
    defaults: { num_key_value_heads: 8 },
    layerType: ALL_SLIDE,
  },
  {
    modelTypes: ["qwen2", "qwen2_vl", "qwen2_vl_text", "qwen2_5_vl", "qwen2_5_vl_text"],
    gguf: ["qwen2", "qwen2vl"],
    defaults: QWEN_WINDOW,
    layerType: QWEN_SLIDES,
  },
  {
    modelTypes: ["qwen3", "qwen3_vl", "qwen3_vl_text"],
    gguf: ["qwen3", "qwen3vl"],
    defaults: { ...QWEN_WINDOW, head_dim: 128 },
    layerType: QWEN_SLIDES,
  },
  {
    modelTypes: ["qwen2_moe"],
    gguf: ["qwen2moe"],
    defaults: { ...QWEN_WINDOW, num_key_value_heads: 16 },
    layerType: (layer, config) =>
      config.flag("use_sliding_window", false) && layer % 2 === 0 &&
        layer < (config.optionalCount("max_window_layers") ?? 0)
        ? "sliding_attention"
        : "full_attention",
  },
  {
    modelTypes: ["qwen3_moe", "qwen3_vl_moe", "qwen3_vl_moe_text"],
    gguf: ["qwen3moe", "qwen3vlmoe"],
    defaults: { num_key_value_heads: 4 },
  },
  { modelTypes: ["smollm3"], gguf: ["smollm3"], defaults: { ...QWEN_WINDOW, num_key_value_heads: 4 } },
  { modelTypes: ["gemma"], gguf: ["gemma"], defaults: { num_key_value_heads: 16, head_dim: 256 } },
  {
    modelTypes: ["gemma2"],
    gguf: ["gemma2"],
    defaults: { num_key_value_heads: 4, head_dim: 256, sliding_window: 4096 },
    layerType: slidingBut(() => 2),
  },
  {
    modelTypes: ["gemma3", "gemma3_text"],
    gguf: ["gemma3"],
    // Published configurations leave out what is as here.
    defaults: { num_attention_heads: 8, num_key_value_heads: 4, head_dim: 256, sliding_window: 4096 },
    layerType: slidingBut((config) => config.count("sliding_window_pattern", 6)),
  },
  {
    modelTypes: ["gemma3n", "gemma3n_text"],
    gguf: ["gemma3n"],
    defaults: { num_key_value_heads: 2, head_dim: 256, sliding_window: 512, num_kv_shared_layers: 15 },
    layerType: slidingBut(() => 5),
  },
  {
    modelTypes: ["gemma4", "gemma4_text"],
    gguf: ["gemma4"],
    names: {
      gguf: {
        head_dim: "attention.key_length_swa",
        v_head_dim: "attention.value_length_swa",
        global_head_dim: "attention.key_length",
      },
    },
    layerType: slidingBut(() => 6),
    states: {
      // Layers that see all have wider heads, and fewer of them where keys serve as values.
      full_attention: (config, layer, layers) => {
        const fewer = config.flag("attention_k_eq_v", false) &&
          config.value("num_global_key_value_heads") !== undefined;
        const width = config.optionalCount("global_head_dim") ?? config.count("head_dim");
        const kvHeads = config.perLayer(fewer ? "num_global_key_value_heads" : "num_key_value_heads", layers)[layer];
        return [{ kind: "full attention", kvHeads, keyDim: width, valueDim: width }];
      },
    },
  },
  { modelTypes: ["phi", "gpt_neox", "stablelm", "granitemoe"], gguf: ["phi2", "gptneox", "stablelm", "granitemoe"] },
  { modelTypes: ["phi3"], gguf: ["phi3"], layerType: ALL_SLIDE },
  { modelTypes: ["olmo", "olmo2", "olmoe", "granite", "cohere"], gguf: ["olmo", "olmoe", "granite", "command-r"] },
  {
    modelTypes: ["olmo3"],
    gguf: ["olmo2"], // llama.cpp's name of OLMo 2 as well, which has no window
    defaults: { sliding_window: 4096 },
    ggufDefaults: { sliding_window: null },
    layerType: slidingBut(() => 4),
  },
  {
    modelTypes: ["cohere2"],
    gguf: ["cohere2"],
    defaults: { sliding_window: 4096 },
    layerType: slidingBut((config) => config.count("sliding_window_pattern", 4)),
  },
  {
    modelTypes: ["exaone4"],
    gguf: ["exaone4"],
    defaults: { sliding_window: 4096 },
    ggufDefaults: { sliding_window: null }, // the model of 1.2B has none
    layerType: slidingBut(() => 4),
  },
  { modelTypes: ["starcoder2"], gguf: ["starcoder2"], defaults: { num_key_value_heads: 2 }, layerType: ALL_SLIDE },
  {
    modelTypes: ["gpt_oss"],
    gguf: ["gpt-oss"],
    defaults: { num_key_value_heads: 8, head_dim: 64, sliding_window: 128 },
    layerType: slidingBut(() => 2),
  },
  { modelTypes: ["glm", "glm4"], gguf: ["chatglm", "glm4"], defaults: { num_key_value_heads: 2, head_dim: 128 } },
  { modelTypes: ["glm4_moe"], gguf: ["glm4moe"], defaults: { num_key_value_heads: 8 } },
  { modelTypes: ["minimax_m2"], gguf: ["minimax-m2"], defaults: { num_key_value_heads: 8, head_dim: 128 } },
  {
    modelTypes: ["llama4", "llama4_text"],
    gguf: ["llama4"],
    defaults: { num_key_value_heads: 8, head_dim: 128, attention_chunk_size: 8192 },
    layerType: (layer) => (layer + 1) % 4 === 0 ? "full_attention" : "chunked_attention",
  },
  {
    modelTypes: ["deepseek_v2", "deepseek_v3", "kimi_k2", "glm4_moe_lite"],
    gguf: ["deepseek2"],
    states: LATENT,
  },
  {
    modelTypes: ["lfm2", "lfm2_moe"],
    gguf: ["lfm2", "lfm2moe"],
    defaults: { num_key_value_heads: 8, conv_L_cache: 3 },
    recurrent: "conv",
    layerType: (layer, config) => {
      const full = config.value("full_attn_idxs");
      return !Array.isArray(full) || full.includes(layer) ? "full_attention" : "conv";
    },
  },
  {
    modelTypes: ["qwen3_next"],
    gguf: ["qwen3next"],
    defaults: { ...DELTA_NET, num_key_value_heads: 2 },
    layerType: LINEAR_BUT,
  },
  {
    modelTypes: ["qwen3_5", "qwen3_5_text"],
    gguf: ["qwen35"],
    defaults: { ...DELTA_NET, num_key_value_heads: 4 },
    layerType: LINEAR_BUT,
  },
  {
    modelTypes: ["qwen3_5_moe", "qwen3_5_moe_text"],
    gguf: ["qwen35moe"],
    defaults: { ...DELTA_NET, num_key_value_heads: 2 },
    layerType: LINEAR_BUT,
  },
  {
    modelTypes: ["granitemoehybrid", "bamba"],
    gguf: ["granitehybrid"],
    defaults: { mamba_d_conv: 4, mamba_d_state: 256, mamba_n_groups: 1, mamba_n_heads: 128, mamba_expand: 2 },
    recurrent: "mamba",
    layerType: (layer, config) => {
      const attention = config.value("attn_layer_indices"); // Bamba's way to name them
      return Array.isArray(attention) && attention.includes(layer) ? "attention" : "mamba";
    },
  },
  {
    modelTypes: ["falcon_h1"],
    gguf: ["falcon-h1"],
    defaults: {
      num_key_value_heads: 8,
      mamba_d_ssm: 1024,
      mamba_d_conv: 4,
      mamba_d_state: 256,
      mamba_n_groups: 1,
      mamba_n_heads: 128,
    },
    layerType: () => "hybrid",
  },
  {
    modelTypes: ["jamba"],
    gguf: ["jamba"],
    defaults: {
      num_key_value_heads: 8,
      attn_layer_period: 8,
      attn_layer_offset: 4,
      mamba_d_conv: 4,
      mamba_d_state: 16,
      mamba_expand: 2,
    },
    recurrent: "mamba",
    layerType: (layer, config) =>
      layer % config.count("attn_layer_period") === (config.optionalCount("attn_layer_offset") ?? 0)
        ? "attention"
        : "mamba",
    states: MAMBA,
  },
  {
    modelTypes: ["mamba", "falcon_mamba"],
    gguf: ["mamba"],
    defaults: { mamba_d_conv: 4, mamba_d_state: 16, mamba_expand: 2 },
    names: { config: { mamba_d_conv: "conv_kernel", mamba_d_state: "state_size", mamba_expand: "expand" } },
    layerType: () => "mamba",
    states: MAMBA,
  },
  {
    modelTypes: ["mamba2"],
    gguf: ["mamba2"],
    defaults: { mamba_d_conv: 4, mamba_d_state: 128, mamba_n_groups: 8, mamba_n_heads: 128, mamba_d_head: 64 },
    names: {
      config: {
        mamba_d_conv: "conv_kernel",
        mamba_d_state: "state_size",
        mamba_n_groups: "n_groups",
        mamba_n_heads: "num_heads",
        mamba_d_head: "head_dim",
      },
    },
    layerType: () => "mamba",
  },
];

/** What a layer of each type keeps, by the types' names in `layer_types`. */
const STATES: Readonly<Record<string, StatesOf>> = {
  full_attention: (config, layer, layers) => [rowState("full attention", config, layer, layers)],
  sliding_attention: (config, layer, layers) => {
    const window = config.count("sliding_window");
    // A window that no text outgrows is none: Phi-4-mini's has 262,144 tokens, twice its context.
    return window >= (config.optionalCount("max_position_embeddings") ?? Infinity)
      ? [rowState("full attention", config, layer, layers)]
      : [rowState("sliding window", config, layer, layers, window)];
  },
  chunked_attention: (config, layer, layers) => [
    rowState("chunked attention", config, layer, layers, config.count("attention_chunk_size")),
  ],
  linear_attention: (config) => [deltaNetState({
    kernel: config.count("linear_conv_kernel_dim"),
    keyHeads: config.count("linear_num_key_heads"),
    keyDim: config.count("linear_key_head_dim"),
    valueHeads: config.count("linear_num_value_heads"),
    valueDim: config.count("linear_value_head_dim"),
  })],
  mamba: (config) => [mamba2State({
    kernel: config.count("mamba_d_conv"),
    heads: config.count("mamba_n_heads"),
    headDim: mambaHeadDim(config),
    stateDim: config.count("mamba_d_state"),
    groups: config.count("mamba_n_groups"),
  })],
  conv: (config) => [convolutionState(config.count("conv_L_cache"), config.count("hidden_size"))],
};

/** Far above any model: the deepest known has 126 layers. */
const MAX_LAYERS = 1024;

/**
 * What each layer of a model keeps: a layer may keep two things.
 *
 * @throws {SyntaxError} if the configuration lacks what decides it, or names a type of layers that is not known
 */
export function layerStates(family: LayoutFamily, config: LayoutConfig): (readonly LayerState[])[] {
  const layers = config.count("num_hidden_layers");
  if (layers > MAX_LAYERS) {
    throw new SyntaxError(`Cannot plan the cache of ${layers} layers as models have at most ${MAX_LAYERS}`);
  }
  const given = config.texts("layer_types");
  if (given !== undefined && given.length < layers) {
    throw new SyntaxError(`Cannot read layer_types as it has ${given.length} entries for ${layers} layers`);
  }
  const shared = config.optionalCount("num_kv_shared_layers") ?? 0;
  const firstShared = shared < layers ? layers - shared : layers;
  return Array.from({ length: layers }, (_, layer) => {
    const type = given?.[layer] ?? family.layerType?.(layer, config, layers) ?? "full_attention";
    return layer >= firstShared ? [{ kind: "shared rows" }] : statesOf(type, family, config, layer, layers);
  });
}

function statesOf(
  type: string,
  family: LayoutFamily,
  config: LayoutConfig,
  layer: number,
  layers: number,
): readonly LayerState[] {
  if (type === "hybrid") {
    return ["full_attention", "mamba"].flatMap((part) => statesOf(part, family, config, layer, layers));
  }
  const name = type === "attention" ? "full_attention" : type;
  const states = { ...STATES, ...family.states }[name];
  if (states !== undefined) return states(config, layer, layers);
  throw new SyntaxError(
    `Cannot size a layer of type ${quoted(type)}: the types are ${
      [...Object.keys(STATES), "attention", "hybrid"].join(", ")
    }`,
  );
}

function rowState(
  kind: RowState["kind"],
  config: LayoutConfig,
  layer: number,
  layers: number,
  rowLimit?: number,
): RowState {
  const heads = config.perLayer("num_attention_heads", layers, { least: 1 })[layer];
  const keyDim = config.optionalCount("head_dim") ?? Math.floor(config.count("hidden_size") / heads);
  return {
    kind,
    ...(rowLimit === undefined ? {} : { rowLimit }),
    kvHeads: config.perLayer("num_key_value_heads", layers, { fallback: heads })[layer],
    keyDim,
    valueDim: config.optionalCount("v_head_dim") ?? keyDim,
  };
}

/** Channels of a Mamba-2 head; `auto` shares the inner size out. */
function mambaHeadDim(config: LayoutConfig): number {
  const held = config.value("mamba_d_head");
  if (held !== undefined && held !== "auto") return config.count("mamba_d_head");
  return Math.floor(innerSize(config) / config.count("mamba_n_heads"));
}

function innerSize(config: LayoutConfig): number {
  return config.optionalCount("mamba_d_ssm") ?? config.count("mamba_expand", 2) * config.count("hidden_size");
}
