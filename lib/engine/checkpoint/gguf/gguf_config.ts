import { createFields, type Fields } from "../../../files/fields.ts";
import { ggufFamily } from "../architecture/families.ts";
import type { GgufForm } from "../architecture/family.ts";
import { checkOnly, isKnown, METADATA_KEYS, METADATA_ROPE_KEYS, namesOf } from "../architecture/keys.ts";
import { modelConfig } from "../architecture/model_config.ts";
import type { RopeSetting } from "../architecture/rope_scaling.ts";
import { createSettings, type Setting, type Settings, type SettingValues } from "../architecture/settings.ts";
import type { StoredTensor } from "../architecture/tensors.ts";
import type { ModelConfig } from "../checkpoint.ts";
import { readValues, TENSOR_FORMATS } from "../tensor_format.ts";
import type { Gguf } from "./read_gguf.ts";
import { quoted } from "../../../files/quoted.ts";

const EMBEDDING = "token_embd.weight";
const PATTERN = "attention.sliding_window_pattern";
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

const NAMES = namesOf(METADATA_KEYS);
const ROPE_NAMES = namesOf(METADATA_ROPE_KEYS);
/** Keys of these kinds change what is computed, whatever they are. */
const COMPUTING = /^(?:attention|rope)\./;

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
  const value = (name: string): unknown => oneOfAll(name, metadata.get(`${architecture}.${name}`));
  checkKeys(metadata, architecture);
  const label = `the GGUF metadata of ${architecture}`;
  const given = {
    vocabSize: embedding.shape[0],
    tieWordEmbeddings: !tensors.has(OUTPUT),
    attentionBias: tensors.has("blk.0.attn_q.bias"),
    attentionOutputBias: tensors.has("blk.0.attn_output.bias"),
    mlpBias: tensors.has("blk.0.ffn_gate.bias"),
    eosTokenIds: endTokens(general),
    layerTypes: layerTypes(metadata.get(`${architecture}.${PATTERN}`)),
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
  return modelConfig({ family, settings, ...ropes(gguf, family.gguf, label) });
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
  if (slidingTheta === undefined) {
    const [base, sliding] = [rope.number("theta"), rope.number("slidingTheta", rope.number("theta"))];
    if (sliding !== base) {
      throw new RangeError(
        `Cannot run this model as rope.freq_base_swa is ${sliding}: supported is ${base}, as rope.freq_base`,
      );
    }
    return { rope };
  }
  const slidingRope = createSettings<RopeSetting>({
    label,
    names: { theta: ROPE_NAMES.slidingTheta },
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

/** Throws a RangeError that names the first key that changes what is computed in a way that the engine does not run. */
function checkKeys(metadata: Gguf["metadata"], architecture: string): void {
  const state = (name: string, value: unknown) => `${name} is ${quoted(value)}`;
  const tables = [METADATA_KEYS, METADATA_ROPE_KEYS];
  for (const table of tables) checkOnly(table, (name) => metadata.get(`${architecture}.${name}`), state);
  for (const [key, value] of metadata) {
    const name = key.startsWith(`${architecture}.`) ? key.slice(architecture.length + 1) : "";
    if (!COMPUTING.test(name) || tables.some((table) => isKnown(name, table))) continue;
    throw new RangeError(
      `Cannot run this model as ${state(name, value)}, which the engine does not know: supported is a file without it`,
    );
  }
}

/** A number for all layers, where a file has a list with one for each. */
function oneOfAll(name: string, held: unknown): unknown {
  if (!Array.isArray(held)) return held;
  // This list is the kinds of the layers.
  if (name === PATTERN) return undefined;
  if (held.length > 0 && held.every((one) => one === held[0])) return held[0];
  throw new RangeError(
    `Cannot run this model as ${name} is ${quoted(held)}: supported is one number for all layers`,
  );
}

/** The kind of each layer, where a file has a list of those with a window. */
function layerTypes(pattern: unknown): string[] | undefined {
  if (!Array.isArray(pattern)) return undefined;
  return pattern.map((slides) => slides ? "sliding_attention" : "full_attention");
}

function endTokens(general: Fields): number[] {
  const ids = ["eos", "eot", "eom"].flatMap((name) => general.integers(`tokenizer.ggml.${name}_token_id`));
  return [...new Set(ids)];
}
