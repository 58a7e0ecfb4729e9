import { createFields, type Fields } from "../../../files/fields.ts";
import { ggufFamily } from "../architecture/families.ts";
import type { GgufForm } from "../architecture/family.ts";
import { modelConfig } from "../architecture/model_config.ts";
import type { RopeSetting } from "../architecture/rope_scaling.ts";
import { createSettings, type Setting, type Settings, type SettingValues } from "../architecture/settings.ts";
import type { StoredTensor } from "../architecture/tensors.ts";
import type { ModelConfig } from "../checkpoint.ts";
import { readValues, TENSOR_FORMATS } from "../tensor_format.ts";
import type { Gguf } from "./read_gguf.ts";

const EMBEDDING = "token_embd.weight";
const OUTPUT = "output.weight";

/** Tensors that hold divisors of rotary frequencies, by what they are to the engine. */
const ROPE_DIVISORS = {
  divisors: "rope_freqs.weight",
  shortDivisors: "rope_factors_short.weight",
  longDivisors: "rope_factors_long.weight",
} as const;

/** The tensors that belong to the configuration. */
export const ROPE_TENSORS: ReadonlySet<string> = new Set(Object.values(ROPE_DIVISORS));

/** The metadata and tensors of a GGUF model, in one file or several. */
export interface GgufModel extends Pick<Gguf, "metadata"> {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The metadata's names, behind the architecture's. */
const NAMES: Readonly<Partial<Record<Setting, readonly string[]>>> = {
  hiddenSize: ["embedding_length"],
  intermediateSize: ["feed_forward_length"],
  numHiddenLayers: ["block_count"],
  numAttentionHeads: ["attention.head_count"],
  numKeyValueHeads: ["attention.head_count_kv"],
  headDim: ["attention.key_length"],
  valueDim: ["attention.value_length"],
  rotaryDim: ["rope.dimension_count"],
  maxPositionEmbeddings: ["context_length"],
  rmsNormEps: ["attention.layer_norm_rms_epsilon"],
  embeddingMultiplier: ["embedding_scale"],
  residualMultiplier: ["residual_scale"],
  attentionMultiplier: ["attention.scale"],
  logitsDivisor: ["logit_scale"],
  scoreCap: ["attn_logit_softcapping"],
  logitCap: ["final_logit_softcapping"],
  expertCount: ["expert_count"],
  isCausal: ["attention.causal"],
  slidingWindow: ["attention.sliding_window"],
  slidingPattern: ["attention.sliding_window_pattern"],
};

const ROPE_NAMES: Readonly<Partial<Record<RopeSetting, readonly string[]>>> = {
  theta: ["rope.freq_base"],
  type: ["rope.scaling.type"],
  factor: ["rope.scaling.factor", "rope.scale_linear"],
  originalLength: ["rope.scaling.original_context_length"],
  attentionScale: ["rope.scaling.attn_factor"],
  betaFast: ["rope.scaling.yarn_beta_fast"],
  betaSlow: ["rope.scaling.yarn_beta_slow"],
};

/** Keys of scaling that llama.cpp reads in ways of its own, each with the only value that runs. */
const ROPE_ONLY: readonly (readonly [string, number])[] = [
  ["rope.scaling.yarn_attn_factor", 1],
  ["rope.scaling.yarn_ext_factor", 1],
  ["rope.scaling.yarn_log_multiplier", 0],
];

/** Value that llama.cpp takes where a file is silent. */
const ROPE_THETA = 10_000;

/**
 * The model's configuration, from a GGUF file's metadata and table of tensors.
 *
 * @throws {RangeError} if the file asks for what the engine does not do: another architecture or rope scaling, experts
 * @throws {SyntaxError} if the metadata is malformed
 */
export function ggufConfig(gguf: GgufModel): ModelConfig {
  const { metadata, tensors } = gguf;
  const general = createFields((key) => metadata.get(key), "the GGUF metadata");
  const family = ggufFamily(general.text("general.architecture"));
  const embedding = tensors.get(EMBEDDING);
  if (embedding === undefined) throw new SyntaxError(`Cannot read GGUF as the tensor ${EMBEDDING} is missing`);
  const { architecture, assumed } = family.gguf;
  const value = (name: string): unknown => metadata.get(`${architecture}.${name}`);
  const label = `the GGUF metadata of ${architecture}`;
  const given = {
    vocabSize: embedding.shape[0],
    tieWordEmbeddings: !tensors.has(OUTPUT),
    attentionBias: tensors.has("blk.0.attn_q.bias"),
    attentionOutputBias: tensors.has("blk.0.attn_output.bias"),
    mlpBias: tensors.has("blk.0.ffn_gate.bias"),
    eosTokenIds: endTokens(general),
  };
  const read = (defaults: SettingValues) =>
    createSettings<Setting>({
      label,
      names: NAMES,
      given,
      defaults,
      value,
      state: (name, held) => {
        if (name === "attention.sliding_window") return `its sliding window is ${held}`;
        if (name === "expert_count") return `it has ${held} experts`;
        return `${name} is ${held}`;
      },
    });
  const told = read({});
  const [hiddenSize, numAttentionHeads] = [told.integer("hiddenSize"), told.integer("numAttentionHeads")];
  const settings = read(
    assumed?.({
      hiddenSize,
      numAttentionHeads,
      headDim: told.integer("headDim", hiddenSize / numAttentionHeads),
      numHiddenLayers: told.integer("numHiddenLayers"),
    }) ?? {},
  );
  if (family.slides === undefined) refuseWindow(settings);
  return modelConfig({ family, settings, ...ropes(gguf, family.gguf, label) });
}

function refuseWindow(settings: Settings): void {
  const window = settings.integer("slidingWindow", 0);
  const length = settings.integer("maxPositionEmbeddings");
  if (window > 0 && window < length) settings.refuse("slidingWindow", window, `none, or ${length} and more`);
}

/** The rotary embedding of all layers or, where they differ, of those without and with a window. */
function ropes(
  { metadata, tensors }: GgufModel,
  { architecture, slidingTheta }: GgufForm,
  label: string,
): { rope: Settings<RopeSetting>; slidingRope?: Settings<RopeSetting> } {
  const divisors = Object.fromEntries(
    Object.entries(ROPE_DIVISORS).flatMap(([setting, name]) => {
      const tensor = tensors.get(name);
      if (tensor === undefined) return [];
      return [[setting, [...readValues(tensor.source, tensor.offset, tensor.count, TENSOR_FORMATS[tensor.dtype])]]];
    }),
  );
  const written = (name: string): unknown => metadata.get(`${architecture}.${name}`);
  const state = () => {
    const factor = written("rope.scaling.factor") ?? written("rope.scale_linear");
    return `rope scaling is ${written("rope.scaling.type") ?? "not named"}, factor ${factor ?? 1}` +
      Object.keys(divisors).map((setting) => `, with ${ROPE_DIVISORS[setting as keyof typeof ROPE_DIVISORS]}`).join("");
  };
  for (const [key, only] of ROPE_ONLY) {
    const held = written(key) ?? only;
    if (held === only) continue;
    throw new RangeError(`Cannot run this model as ${key} is ${held}: supported is ${only}`);
  }
  const value = (name: string): unknown => {
    if (name !== "rope.scaling.type") return written(name);
    return scalingType(written(name), divisors, written("rope.scaling.factor") ?? written("rope.scale_linear"));
  };
  const rope = createSettings<RopeSetting>({
    label,
    names: ROPE_NAMES,
    given: divisors,
    defaults: { theta: ROPE_THETA },
    value,
    state,
  });
  if (slidingTheta === undefined) return { rope };
  const slidingRope = createSettings<RopeSetting>({
    label,
    names: { theta: ["rope.freq_base_swa"] },
    defaults: { theta: slidingTheta },
    value,
    state,
  });
  return { rope, slidingRope };
}

/** llama.cpp goes by tensors where there are some, and takes scaling by a factor alone as linear. */
function scalingType(named: unknown, divisors: Readonly<Record<string, unknown>>, factor: unknown): unknown {
  if (divisors.shortDivisors !== undefined) {
    return named === undefined || named === "longrope" ? "longrope" : `${named} with divisors of LongRoPE`;
  }
  const unscaled = factor === undefined || factor === 0 || factor === 1;
  const type = named === "none" ? "default" : named ?? (unscaled ? "default" : "linear");
  if (divisors.divisors === undefined) return type;
  return type === "default" ? "divisors" : `${type} with divisors`;
}

function endTokens(general: Fields): number[] {
  const ids = ["eos", "eot", "eom"].flatMap((name) => general.integers(`tokenizer.ggml.${name}_token_id`));
  return [...new Set(ids)];
}
