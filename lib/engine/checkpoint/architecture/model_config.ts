import type { ModelConfig } from "../checkpoint.ts";
import type { Family, RotaryKind } from "./family.ts";
import type { Setting, Settings, SettingValues } from "./settings.ts";

/** How refusals say the kinds of rotary frequencies that run. */
const ROTARY_WORDS: Readonly<Record<RotaryKind, string>> = {
  default: "the default, without scaling",
};

/** Settings that would change what a model of any family computes, each with the only value that runs. */
const ONLY: SettingValues = { expertCount: 0, partialRotaryFactor: 1, ropeFactor: 1, isCausal: true };

/** A model as its container describes it. */
export interface ModelDescription {
  readonly family: Family;
  readonly settings: Settings;
  /** The narrowest window of any layer, in tokens; 0 where every layer sees all. */
  readonly window: number;
}

/**
 * The model's configuration, in whatever container it came.
 *
 * @throws {RangeError} naming the first setting that the engine does not run, and what it runs
 * @throws {SyntaxError} naming a setting that is missing, of the wrong kind, or that no model can have
 */
export function modelConfig({ family, settings, window }: ModelDescription): ModelConfig {
  checkForm(family, settings);
  const { integer, number, flag } = settings;
  const hiddenSize = integer("hiddenSize");
  const numAttentionHeads = integer("numAttentionHeads");
  const config = checkSizes({
    architecture: family.huggingFace.modelType,
    vocabSize: integer("vocabSize"),
    hiddenSize,
    intermediateSize: integer("intermediateSize"),
    numHiddenLayers: integer("numHiddenLayers"),
    numAttentionHeads,
    numKeyValueHeads: integer("numKeyValueHeads", numAttentionHeads),
    headDim: integer("headDim", hiddenSize / numAttentionHeads),
    maxPositionEmbeddings: integer("maxPositionEmbeddings"),
    ropeTheta: number("ropeTheta"),
    rmsNormEps: number("rmsNormEps"),
    attentionBias: family.attentionBias,
    tieWordEmbeddings: flag("tieWordEmbeddings", false),
    eosTokenIds: settings.integers("eosTokenIds"),
  });
  const { headDim, maxPositionEmbeddings } = config;
  for (const setting of ["valueDim", "rotaryDim"] as const) {
    const length = integer(setting, headDim);
    if (length !== headDim) settings.refuse(setting, length, `the head's ${headDim}`);
  }
  // A window as long as the context never moves.
  if (window > 0 && window < maxPositionEmbeddings) {
    settings.refuse("slidingWindow", window, `none, or ${maxPositionEmbeddings} and more`);
  }
  return config;
}

/** Throws a RangeError that names the first setting of the family that the engine does not run. */
function checkForm(family: Family, settings: Settings): void {
  const { huggingFace, lacks } = family;
  if (lacks !== undefined) {
    throw new RangeError(`Cannot run the architecture ${huggingFace.modelType} as the engine lacks ${lacks}`);
  }
  const quantization = settings.value("quantization");
  if (quantization !== undefined) {
    settings.refuse("quantization", quantization, "none: weights in F32, F16 or BF16");
  }
  const activation = settings.text("activation") ?? family.activations[0];
  if (!family.activations.some((known) => known === activation)) {
    settings.refuse("activation", activation, family.activations.join(", "));
  }
  for (const [name, type] of settings.spellings("ropeType")) {
    if (family.rotary.some((known) => known === type)) continue;
    settings.refuse("ropeType", type, family.rotary.map((known) => ROTARY_WORDS[known]).join(", "), name);
  }
  for (const [setting, only] of Object.entries({ ...ONLY, ...family.only }) as [Setting, number | boolean][]) {
    for (const [name, value] of settings.spellings(setting)) {
      if (value !== only) settings.refuse(setting, value, `${only}`, name);
    }
  }
  const kinds = settings.value("layerTypes");
  const sliding = Array.isArray(kinds) ? kinds.find((kind) => kind !== "full_attention") : undefined;
  if (sliding !== undefined) settings.refuse("layerTypes", sliding, "full_attention");
}

/** Far above any model: the deepest known has 126 layers, the widest 53,248 and 262,144 tokens. */
const LIMITS = {
  numHiddenLayers: 1024,
  hiddenSize: 1 << 20,
  intermediateSize: 1 << 20,
  vocabSize: 1 << 22,
  numAttentionHeads: 1024,
  numKeyValueHeads: 1024,
  headDim: 1024,
  maxPositionEmbeddings: 1 << 24,
} as const;

/** Throws a SyntaxError unless the sizes can be a model's: in their limits, query heads in whole groups. */
function checkSizes(config: ModelConfig): ModelConfig {
  for (const [key, limit] of Object.entries(LIMITS) as [keyof typeof LIMITS, number][]) {
    if (config[key] < 1 || config[key] > limit) fail(`${key} must be in [1, ${limit}]`, config[key]);
  }
  const { numAttentionHeads, numKeyValueHeads, headDim, ropeTheta, rmsNormEps, eosTokenIds, vocabSize } = config;
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    fail(`its ${numAttentionHeads} query heads must be a multiple of its kv heads`, numKeyValueHeads);
  }
  if (headDim % 2 !== 0) fail("headDim must be even, for rotary embedding", headDim);
  if (!(ropeTheta > 0)) fail("ropeTheta must be above 0", ropeTheta);
  if (!(rmsNormEps > 0)) fail("rmsNormEps must be above 0", rmsNormEps);
  for (const id of eosTokenIds) {
    if (id < 0 || id >= vocabSize) fail(`an end token must be in [0, ${vocabSize})`, id);
  }
  return config;
}

function fail(rule: string, value: number): never {
  throw new SyntaxError(`Cannot use the model's configuration as ${rule}: current value is ${value}`);
}
