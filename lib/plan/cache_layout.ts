import { nearestName } from "../numeric/nearest_name.ts";
import type { LayerState } from "./layer_state.ts";
import { type Json, type LayoutConfig, layoutConfig } from "./layout_config.ts";
import { layerStates, LAYOUT_FAMILIES, type LayoutFamily, type Names } from "./layout_families.ts";
import { quoted } from "../files/quoted.ts";

/** What each layer of a model keeps of a text. */
export interface CacheLayout {
  /** config.json's `model_type`, or a GGUF file's `general.architecture`. */
  readonly modelType: string;
  /** Tokens of the longest text that the model was trained for; absent where the configuration is silent. */
  readonly trainedContext?: number;
  /** What each layer keeps; a layer may keep two things. */
  readonly layers: readonly (readonly LayerState[])[];
}

/**
 * Reads what a model's layers keep from the contents of config.json. Of a model that takes images or sound beside text,
 * its text part is read. No weights are needed, and the engine need not run the family.
 *
 * @throws {RangeError} if the family is not known; names the nearest
 * @throws {SyntaxError} if a key is absent or malformed; names it
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cacheLayout } from "kvmirror";
 *
 * const { layers } = cacheLayout({
 *   model_type: "qwen2",
 *   num_hidden_layers: 24,
 *   hidden_size: 896,
 *   num_attention_heads: 14,
 *   num_key_value_heads: 2,
 * });
 * assertEquals(layers.length, 24);
 * assertEquals(layers[0], [{ kind: "full attention", kvHeads: 2, keyDim: 64, valueDim: 64 }]);
 * ```
 */
export function cacheLayout(config: Readonly<Record<string, unknown>>): CacheLayout {
  const text = isJson(config.text_config) ? config.text_config : config;
  const modelType = text.model_type ?? config.model_type;
  const family = familyOf(modelType, "config.json's model_type", ({ modelTypes }) => modelTypes);
  const name = (key: string) => family.names?.config?.[key] ?? key;
  return layoutOf(
    String(modelType),
    family,
    layoutConfig({
      label: "config.json",
      name,
      read: (key) => text[name(key)],
      defaults: family.defaults ?? {},
    }),
  );
}

/**
 * Reads what a model's layers keep from a GGUF file's metadata, as llama.cpp's converter writes them.
 *
 * @throws {RangeError} if the architecture is not known; names the nearest
 * @throws {SyntaxError} if a key is absent or malformed; names it
 */
export function ggufCacheLayout(metadata: ReadonlyMap<string, unknown>): CacheLayout {
  const architecture = metadata.get("general.architecture");
  const family = familyOf(architecture, "the GGUF's general.architecture", ({ gguf }) => gguf ?? []);
  const names = { ...GGUF_NAMES, ...family.names?.gguf };
  const held = (key: string) => metadata.get(`${architecture}.${key}`);
  return layoutOf(
    String(architecture),
    family,
    layoutConfig({
      label: "the GGUF metadata",
      name: (key) => Object.hasOwn(names, key) ? `${architecture}.${names[key]}` : key,
      read: (key) =>
        Object.hasOwn(DERIVED, key)
          ? DERIVED[key](held, family)
          : Object.hasOwn(names, key)
          ? held(names[key])
          : undefined,
      defaults: { ...family.defaults, ...family.ggufDefaults },
    }),
  );
}

function layoutOf(modelType: string, family: LayoutFamily, config: LayoutConfig): CacheLayout {
  const trainedContext = config.optionalCount("max_position_embeddings");
  return {
    modelType,
    ...(trainedContext === undefined ? {} : { trainedContext }),
    layers: layerStates(family, config),
  };
}

function familyOf(name: unknown, label: string, names: (family: LayoutFamily) => readonly string[]): LayoutFamily {
  const found = LAYOUT_FAMILIES.find((family) => names(family).some((known) => known === name));
  if (found !== undefined) return found;
  const known = LAYOUT_FAMILIES.flatMap((family) => [...names(family)]).sort();
  const near = typeof name === "string" ? nearestName(name, known) : undefined;
  throw new RangeError(
    `Cannot plan a cache as ${label} is ${quoted(name)}: ${
      near === undefined ? "the" : `did you mean ${near}? The`
    } known ones are ${known.join(", ")}`,
  );
}

/** The metadata's names, behind the architecture's, by config.json's. */
const GGUF_NAMES: Names = {
  num_hidden_layers: "block_count",
  hidden_size: "embedding_length",
  num_attention_heads: "attention.head_count",
  num_key_value_heads: "attention.head_count_kv",
  head_dim: "attention.key_length",
  v_head_dim: "attention.value_length",
  max_position_embeddings: "context_length",
  sliding_window: "attention.sliding_window",
  num_kv_shared_layers: "attention.shared_kv_layers",
  kv_lora_rank: "attention.kv_lora_rank",
  qk_rope_head_dim: "rope.dimension_count",
  full_attention_interval: "full_attention_interval",
  conv_L_cache: "shortconv.l_cache",
  mamba_d_conv: "ssm.conv_kernel",
  mamba_d_state: "ssm.state_size",
  mamba_n_groups: "ssm.group_count",
  mamba_n_heads: "ssm.time_step_rank",
  mamba_d_ssm: "ssm.inner_size",
  mamba_d_head: "ssm.inner_size",
  linear_conv_kernel_dim: "ssm.conv_kernel",
  linear_key_head_dim: "ssm.state_size",
  linear_num_key_heads: "ssm.group_count",
  linear_num_value_heads: "ssm.time_step_rank",
  linear_value_head_dim: "ssm.inner_size",
};

type Held = (key: string) => unknown;

/** Keys that the metadata hold otherwise than as one value. */
const DERIVED: Readonly<Record<string, (held: Held, family: LayoutFamily) => unknown>> = {
  // Layers that foretell tokens for speculative decoding stand behind the model's own.
  num_hidden_layers: (held) => {
    const [all, behind] = [held("block_count"), held("nextn_predict_layers") ?? 0];
    return typeof all === "number" && typeof behind === "number" ? all - behind : all;
  },
  layer_types: (held, { recurrent }) => {
    const [slides, kvHeads] = [held("attention.sliding_window_pattern"), held("attention.head_count_kv")];
    if (Array.isArray(slides)) return slides.map((one) => one ? "sliding_attention" : "full_attention");
    if (recurrent === undefined || !Array.isArray(kvHeads)) return undefined;
    return kvHeads.map((count) => count === 0 ? recurrent : "full_attention");
  },
  mamba_d_head: stateHeadDim,
  linear_value_head_dim: stateHeadDim,
};

function stateHeadDim(held: Held): unknown {
  const [inner, heads] = [held("ssm.inner_size"), held("ssm.time_step_rank")];
  return typeof inner === "number" && typeof heads === "number" ? inner / heads : inner;
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
