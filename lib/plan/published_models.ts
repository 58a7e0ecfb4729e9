import { nearestName } from "../numeric/nearest_name.ts";
import { type CacheLayout, cacheLayout } from "./cache_layout.ts";
import type { Json } from "./layout_config.ts";
import { quoted } from "../files/quoted.ts";

/** A model's published sizes: facts of its config.json, and where they were looked up. */
export interface PublishedModel {
  /** What users call it. */
  readonly name: string;
  /** The keys of its config.json that decide what its layers keep. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Where the numbers are from. */
  readonly source: string;
}

const LITGPT = "https://github.com/Lightning-AI/litgpt/blob/26857050fe3ff627cd714fe92f5838f51a3d5efa/litgpt/config.py";
const TRANSFORMERS = "https://github.com/huggingface/transformers/blob/v5.2.0/src/transformers/models";

/** A decoder whose layers differ in nothing that counts here. */
function decoder(
  model_type: string,
  [num_hidden_layers, hidden_size, num_attention_heads, num_key_value_heads]: readonly number[],
  max_position_embeddings: number,
  more: Json = {},
): Json {
  return {
    model_type,
    num_hidden_layers,
    hidden_size,
    num_attention_heads,
    num_key_value_heads,
    max_position_embeddings,
    ...more,
  };
}

/** Every model whose sizes are known without its files. */
export const PUBLISHED_MODELS: readonly PublishedModel[] = [
  { name: "smollm2-135m", config: decoder("llama", [30, 576, 9, 3], 8192), source: LITGPT },
  {
    name: "smollm3-3b",
    config: {
      model_type: "smollm3",
      num_hidden_layers: 36,
      hidden_size: 2048,
      num_attention_heads: 16,
      num_key_value_heads: 4,
    },
    source: `${TRANSFORMERS}/smollm3/configuration_smollm3.py`,
  },
  { name: "qwen2.5-0.5b", config: decoder("qwen2", [24, 896, 14, 2], 32_768), source: LITGPT },
  { name: "qwen2.5-coder-0.5b", config: decoder("qwen2", [24, 896, 14, 2], 32_768), source: LITGPT },
  { name: "qwen2.5-7b", config: decoder("qwen2", [28, 3584, 28, 4], 131_072), source: LITGPT },
  { name: "qwen3-0.6b", config: decoder("qwen3", [28, 1024, 16, 8], 40_960, { head_dim: 128 }), source: LITGPT },
  { name: "qwen3-8b", config: decoder("qwen3", [36, 4096, 32, 8], 40_960, { head_dim: 128 }), source: LITGPT },
  {
    name: "qwen3-30b-a3b",
    config: decoder("qwen3_moe", [48, 2048, 32, 4], 40_960, { head_dim: 128 }),
    source: LITGPT,
  },
  {
    name: "qwen3-next-80b-a3b",
    config: {
      model_type: "qwen3_next",
      num_hidden_layers: 48,
      hidden_size: 2048,
      num_attention_heads: 16,
      num_key_value_heads: 2,
      head_dim: 256,
    },
    source: `${TRANSFORMERS}/qwen3_next/configuration_qwen3_next.py`,
  },
  {
    name: "qwen3.5-9b",
    config: decoder("qwen3_5_text", [32, 4096, 16, 4], 262_144, { head_dim: 256 }),
    source: `${TRANSFORMERS}/qwen3_5/configuration_qwen3_5.py`,
  },
  {
    name: "qwen3.5-35b-a3b",
    config: {
      model_type: "qwen3_5_moe_text",
      num_hidden_layers: 40,
      hidden_size: 2048,
      num_attention_heads: 16,
      num_key_value_heads: 2,
      head_dim: 256,
    },
    source: `${TRANSFORMERS}/qwen3_5_moe/configuration_qwen3_5_moe.py`,
  },
  { name: "llama-2-7b", config: decoder("llama", [32, 4096, 32, 32], 4096), source: LITGPT },
  { name: "llama-3.1-8b", config: decoder("llama", [32, 4096, 32, 8], 131_072), source: LITGPT },
  { name: "llama-3.2-1b", config: decoder("llama", [16, 2048, 32, 8], 131_072), source: LITGPT },
  { name: "llama-3.2-3b", config: decoder("llama", [28, 3072, 24, 8], 131_072), source: LITGPT },
  { name: "llama-3.3-70b", config: decoder("llama", [80, 8192, 64, 8], 131_072), source: LITGPT },
  {
    name: "llama-4-scout",
    config: {
      model_type: "llama4_text",
      num_hidden_layers: 48,
      hidden_size: 5120,
      num_attention_heads: 40,
      num_key_value_heads: 8,
      head_dim: 128,
      attention_chunk_size: 8192,
    },
    source: `${TRANSFORMERS}/llama4/configuration_llama4.py`,
  },
  {
    name: "mistral-7b-v0.1",
    config: decoder("mistral", [32, 4096, 32, 8], 32_768, { sliding_window: 4096 }),
    source: LITGPT,
  },
  {
    name: "mistral-7b-v0.3",
    config: decoder("mistral", [32, 4096, 32, 8], 32_768, { sliding_window: null }),
    source: LITGPT,
  },
  { name: "mixtral-8x7b", config: decoder("mixtral", [32, 4096, 32, 8], 32_768), source: LITGPT },
  {
    name: "gemma-2-9b",
    config: decoder("gemma2", [42, 3584, 16, 8], 8192, { head_dim: 256, sliding_window: 4096 }),
    source: LITGPT,
  },
  {
    name: "gemma-3-1b",
    config: decoder("gemma3_text", [26, 1152, 4, 1], 131_072, { head_dim: 256, sliding_window: 512 }),
    source: LITGPT,
  },
  {
    name: "gemma-3-4b",
    config: decoder("gemma3_text", [34, 2560, 8, 4], 131_072, { head_dim: 256, sliding_window: 1024 }),
    source: LITGPT,
  },
  {
    name: "gemma-3-12b",
    config: decoder("gemma3_text", [48, 3840, 16, 8], 131_072, { head_dim: 256, sliding_window: 1024 }),
    source: LITGPT,
  },
  {
    name: "gemma-3-27b",
    config: decoder("gemma3_text", [62, 5376, 32, 16], 131_072, { head_dim: 128, sliding_window: 1024 }),
    source: LITGPT,
  },
  {
    name: "gemma-3n-e4b",
    config: decoder("gemma3n_text", [35, 2048, 8, 2], 32_768, {
      head_dim: 256,
      sliding_window: 512,
      num_kv_shared_layers: 15,
    }),
    source: `${TRANSFORMERS}/gemma3n/configuration_gemma3n.py`,
  },
  {
    name: "gemma-4-e4b",
    config: {
      model_type: "gemma4_text",
      num_hidden_layers: 42,
      hidden_size: 2560,
      num_attention_heads: 8,
      num_key_value_heads: 2,
      head_dim: 256,
      global_head_dim: 512,
      sliding_window: 512,
      num_kv_shared_layers: 18,
    },
    source:
      "https://docs.nvidia.com/nemo/megatron-bridge/nightly/apidocs/bridge/bridge.recipes.gemma.h100.gemma4.html " +
      "and https://github.com/google/gemma.cpp/pull/919",
  },
  { name: "phi-4", config: decoder("phi3", [40, 5120, 40, 10], 16_384, { sliding_window: null }), source: LITGPT },
  {
    name: "phi-4-mini",
    config: decoder("phi3", [32, 3072, 24, 8], 131_072, { sliding_window: 262_144 }),
    source: LITGPT,
  },
  {
    name: "granite-4.0-h-tiny",
    config: {
      model_type: "granitemoehybrid",
      num_hidden_layers: 40,
      hidden_size: 1536,
      num_attention_heads: 12,
      num_key_value_heads: 4,
      layer_types: Array.from({ length: 40 }, (_, layer) => layer % 10 === 5 ? "attention" : "mamba"),
      mamba_d_conv: 4,
      mamba_d_state: 128,
      mamba_n_groups: 1,
      mamba_n_heads: 48,
      mamba_d_head: 64,
    },
    source: "https://ollama.com/library/granite4:7b-a1b-h/blobs/491ba81786c4 and " +
      "https://www.fitmyllm.com/model/granite-4.0-tiny-7b",
  },
  {
    name: "lfm2-1.2b",
    config: decoder("lfm2", [16, 2048, 32, 8], 128_000, { full_attn_idxs: [2, 5, 8, 10, 12, 14], conv_L_cache: 3 }),
    source: "https://huggingface.co/FastFlowLM/LFM2-1.2B-NPU2/blob/main/config.json, a copy of LiquidAI/LFM2-1.2B's",
  },
  {
    name: "deepseek-v2-lite",
    config: decoder("deepseek_v2", [27, 2048, 16, 16], 163_840, { kv_lora_rank: 512, qk_rope_head_dim: 64 }),
    source: "https://huggingface.co/deepseek-ai/DeepSeek-Coder-V2-Lite-Base/blob/main/config.json, the same sizes",
  },
  {
    name: "deepseek-v3",
    config: {
      model_type: "deepseek_v3",
      num_hidden_layers: 61,
      hidden_size: 7168,
      num_attention_heads: 128,
      num_key_value_heads: 128,
      kv_lora_rank: 512,
      qk_rope_head_dim: 64,
    },
    source: `${TRANSFORMERS}/deepseek_v3/configuration_deepseek_v3.py`,
  },
];

/**
 * The published sizes of a model that goes by this name.
 *
 * @throws {RangeError} if there is none; names the nearest
 */
export function publishedModel(name: string): PublishedModel {
  const found = PUBLISHED_MODELS.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = PUBLISHED_MODELS.map((model) => model.name);
  const near = nearestName(name, names);
  throw new RangeError(
    `Cannot find the sizes of ${quoted(name)}: ${near === undefined ? "the" : `did you mean ${near}? The`} ` +
      `models are ${names.join(", ")}`,
  );
}

/**
 * What the layers of a model of {@linkcode PUBLISHED_MODELS} keep.
 *
 * @throws {RangeError} if no model goes by this name; names the nearest
 */
export function publishedLayout(name: string): CacheLayout {
  return cacheLayout(publishedModel(name).config);
}
