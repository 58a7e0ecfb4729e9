import { createFields, type Fields } from "../../../files/fields.ts";
import { ggufFamily } from "../architecture/families.ts";
import { modelConfig } from "../architecture/model_config.ts";
import { createSettings, type Setting } from "../architecture/settings.ts";
import type { ModelConfig } from "../checkpoint.ts";
import type { Gguf } from "./read_gguf.ts";

const EMBEDDING = "token_embd.weight";
const OUTPUT = "output.weight";
/** Per-frequency factors of Llama 3.1's rope scaling. */
const ROPE_FACTORS = "rope_freqs.weight";

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
  ropeTheta: ["rope.freq_base"],
  ropeType: ["rope.scaling.type", ROPE_FACTORS],
  ropeFactor: ["rope.scaling.factor", "rope.scale_linear"],
  rmsNormEps: ["attention.layer_norm_rms_epsilon"],
  expertCount: ["expert_count"],
  isCausal: ["attention.causal"],
  slidingWindow: ["attention.sliding_window"],
};

/** Value that llama.cpp takes where a file is silent. */
const DEFAULTS = { ropeTheta: 10_000 };

/**
 * The model's configuration, from a GGUF file's metadata and table of tensors.
 *
 * @throws {RangeError} if the file asks for what the engine does not do: another architecture, rope scaling, a sliding
 * window, experts, a file in parts
 * @throws {SyntaxError} if the metadata is malformed
 */
export function ggufConfig({ metadata, tensors }: Gguf): ModelConfig {
  const general = createFields((key) => metadata.get(key), "the GGUF metadata");
  const family = ggufFamily(general.text("general.architecture"));
  const parts = general.integer("split.count", 1);
  if (parts > 1) {
    throw new RangeError(
      `Cannot run this GGUF as it is one of ${parts} parts: supported is one file: join the parts with ` +
        "llama-gguf-split --merge",
    );
  }
  const embedding = tensors.get(EMBEDDING);
  if (embedding === undefined) throw new SyntaxError(`Cannot read GGUF as the tensor ${EMBEDDING} is missing`);
  const { architecture } = family.gguf;
  const value = (name: string): unknown => {
    if (name === ROPE_FACTORS) return tensors.has(ROPE_FACTORS) ? "factors" : undefined;
    const found = metadata.get(`${architecture}.${name}`);
    return name === "rope.scaling.type" && found === "none" ? "default" : found;
  };
  const settings = createSettings({
    label: `the GGUF metadata of ${architecture}`,
    names: NAMES,
    given: {
      vocabSize: embedding.shape[0],
      tieWordEmbeddings: !tensors.has(OUTPUT),
      eosTokenIds: endTokens(general),
    },
    defaults: DEFAULTS,
    value,
    state: (name, held) => {
      if (name === ROPE_FACTORS) return `it holds rope scaling factors (${ROPE_FACTORS})`;
      if (name === "attention.sliding_window") return `its sliding window is ${held}`;
      if (name === "expert_count") return `it has ${held} experts`;
      if (!name.startsWith("rope.scal")) return `${name} is ${held}`;
      const [type, factor, linear] = ["scaling.type", "scaling.factor", "scale_linear"].map((key) =>
        value(`rope.${key}`)
      );
      return `rope scaling is ${type ?? "none"}, factor ${factor ?? linear ?? 1}`;
    },
  });
  return modelConfig({ family, settings, window: settings.integer("slidingWindow", 0) });
}

function endTokens(general: Fields): number[] {
  const ids = ["eos", "eot"].flatMap((name) => general.integers(`tokenizer.ggml.${name}_token_id`));
  return [...new Set(ids)];
}
