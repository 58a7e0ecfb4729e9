import type { Rotary, RotaryFrequencies } from "../../../numeric/rotary.ts";
import type { Activation, DecoderTraits, ModelConfig, Multipliers } from "../checkpoint.ts";
import { type Family, OWN_SETTINGS, type OwnSetting, type Sizes } from "./family.ts";
import { type RopeSetting, type ScaledRope, scaledRope } from "./rope_scaling.ts";
import type { Setting, Settings, SettingValues } from "./settings.ts";

/** Settings that would change what a model of any family computes, each with the only value that runs. */
const ONLY: SettingValues = { expertCount: 0, isCausal: true, bidirectional: false };

/** A model as its container describes it. */
export interface ModelDescription {
  readonly family: Family;
  readonly settings: Settings;
  /** Rotary embedding of layers that see all rows. */
  readonly rope: Settings<RopeSetting>;
  /** Rotary embedding of layers with a window, where it has settings of its own. */
  readonly slidingRope?: Settings<RopeSetting>;
}

/**
 * The model's configuration, in whatever container it came.
 *
 * @throws {RangeError} naming the first setting that the engine does not run, and what it runs
 * @throws {SyntaxError} naming a setting that is missing, of the wrong kind, or that no model can have
 */
export function modelConfig(description: ModelDescription): ModelConfig {
  const { family, settings } = description;
  checkForm(family, settings);
  const { integer, number, flag } = settings;
  const hiddenSize = integer("hiddenSize");
  const numAttentionHeads = integer("numAttentionHeads");
  const sizes = checkSizes({
    vocabSize: integer("vocabSize"),
    hiddenSize,
    intermediateSize: integer("intermediateSize"),
    numHiddenLayers: integer("numHiddenLayers"),
    numAttentionHeads,
    numKeyValueHeads: integer("numKeyValueHeads", numAttentionHeads),
    headDim: integer("headDim", hiddenSize / numAttentionHeads),
    maxPositionEmbeddings: integer("maxPositionEmbeddings"),
    rmsNormEps: number("rmsNormEps"),
    eosTokenIds: settings.integers("eosTokenIds"),
  });
  const { headDim } = sizes;
  const valueDim = integer("valueDim", headDim);
  if (valueDim !== headDim) settings.refuse("valueDim", valueDim, `the head's ${headDim}`);
  const sliding = slidingLayers(description, sizes.numHiddenLayers);
  const window = windowLength(description, sizes.maxPositionEmbeddings);
  const { attentionFactor, ...rotation } = layerRotary(description, sizes, sliding);
  return {
    architecture: family.huggingFace.modelType,
    ...sizes,
    ...rotation,
    windows: sliding.map((slides) => slides ? window : 0),
    traits: traits(family, settings),
    multipliers: multipliers(family, settings, sizes, attentionFactor),
    tieWordEmbeddings: flag("tieWordEmbeddings", false),
  };
}

/** Throws a RangeError that names the first setting of the family that the engine does not run. */
function checkForm(family: Family, settings: Settings): void {
  const quantization = settings.value("quantization");
  if (quantization !== undefined) {
    settings.refuse("quantization", quantization, "none: weights in F32, F16 or BF16");
  }
  const { layerTypes: _, ...own } = OWN_SETTINGS;
  const lacking = Object.entries(own).filter(([setting]) => !family.has?.includes(setting as OwnSetting));
  const only = [...Object.entries({ ...ONLY, ...family.only }), ...lacking] as [
    Setting,
    number | boolean | undefined,
  ][];
  for (const [setting, supported] of only) {
    for (const [name, value] of settings.spellings(setting)) {
      if (value !== supported) settings.refuse(setting, value, `${supported ?? "none of it"}`, name);
    }
  }
}

/** The activations that run, by transformers' names of them. */
const ACTIVATIONS: ReadonlyMap<string, Activation> = new Map([
  ["silu", "silu"],
  ["swish", "silu"],
  ["gelu", "gelu"],
  ["gelu_pytorch_tanh", "gelu_pytorch_tanh"],
  ["gelu_new", "gelu_pytorch_tanh"],
]);

function traits(family: Family, settings: Settings): DecoderTraits {
  const named = settings.text("activation") ?? family.activation ?? "silu";
  const activation = ACTIVATIONS.get(named);
  if (activation === undefined) settings.refuse("activation", named, [...ACTIVATIONS.keys()].join(", "));
  return {
    activation,
    norms: family.norms ?? "before",
    queryKeyNorm: family.queryKeyNorm ?? "none",
    attentionBias: false,
    attentionOutputBias: false,
    mlpBias: false,
    ...family.biases?.(settings),
    scoreCap: cap(settings, "scoreCap"),
    logitCap: cap(settings, "logitCap"),
  };
}

function cap(settings: Settings, setting: "scoreCap" | "logitCap"): number {
  const value = settings.number(setting, 0);
  if (value < 0) settings.fail(setting, "must be at least 0", value);
  return value;
}

function multipliers(family: Family, settings: Settings, sizes: Sizes, attentionFactor: number): Multipliers {
  // Queries and keys both take rotary scaling's factor, scores twice.
  const own = {
    embedding: 1,
    residual: 1,
    score: 1,
    turning: attentionFactor ** 2,
    logits: 1,
    ...family.multipliers?.(settings, sizes),
  };
  for (const [of, factor] of Object.entries(own)) {
    if (Number.isFinite(factor) && factor !== 0) continue;
    throw new SyntaxError(
      `Cannot use the model's configuration as its ${of} multiplier must be a number other than 0: ` +
        `current value is ${factor}`,
    );
  }
  return own;
}

/** transformers' names of a layer that sees all rows, and of one with a window. */
const [FULL, SLIDING] = ["full_attention", "sliding_attention"];

/** Whether each layer has a window, whatever its length. */
function slidingLayers({ family, settings }: ModelDescription, layers: number): boolean[] {
  const listed = settings.value("layerTypes");
  if (listed !== undefined && (!Array.isArray(listed) || listed.length !== layers)) {
    settings.fail("layerTypes", `must name the kind of each of ${layers} layers`, listed);
  }
  const kinds = listed as readonly unknown[] | undefined;
  const inUse = settings.integer("slidingWindow", 0) !== 0 && settings.flag("useSlidingWindow", true);
  return Array.from({ length: layers }, (_, layer) => {
    const kind = kinds?.[layer];
    const own = family.slides?.(settings, layer) ?? false;
    if (kind === undefined) return own;
    const usual = own && inUse ? SLIDING : FULL;
    const running = family.has?.includes("layerTypes") ? inUse ? [FULL, SLIDING] : [FULL] : [usual];
    if (!running.some((known) => known === kind)) settings.refuse("layerTypes", kind, running.join(" and "));
    return kind === SLIDING;
  });
}

/** The length of the window of layers that have one; 0 where there is none, or one as long as the context, which never moves. */
function windowLength({ family, settings }: ModelDescription, contextLength: number): number {
  const window = settings.integer("slidingWindow", 0);
  if (window < 0) settings.fail("slidingWindow", "must be at least 0", window);
  if (window >= contextLength) return 0;
  if (family.slides === undefined && window > 0) {
    settings.refuse("slidingWindow", window, `none, or ${contextLength} and more`);
  }
  return window;
}

/** How positions turn the keys of each layer. */
function layerRotary(
  { family, settings, rope, slidingRope }: ModelDescription,
  { numHiddenLayers, headDim, maxPositionEmbeddings }: Pick<
    ModelConfig,
    "numHiddenLayers" | "headDim" | "maxPositionEmbeddings"
  >,
  sliding: readonly boolean[],
): Pick<ModelConfig, "rotary" | "rotaryBeyond" | "rotaryDim"> & { attentionFactor: number } {
  const rotaryDim = turningDimensions(family, settings, headDim);
  const still: RotaryFrequencies = new Array(headDim / 2).fill(0);
  const scaled = [rope, slidingRope ?? rope].map((own) => scaledRope(own, rotaryDim, maxPositionEmbeddings));
  const [{ attentionFactor = 1 }, { attentionFactor: slidingFactor = 1 }] = scaled;
  if (slidingFactor !== attentionFactor) {
    (slidingRope ?? rope).refuse("type", (slidingRope ?? rope).text("type"), "one factor of attention for all layers");
  }
  const ofLayers = (frequenciesOf: (rope: ScaledRope) => RotaryFrequencies): Rotary => {
    const kinds: RotaryFrequencies[] = [];
    const layers = Array.from({ length: numHiddenLayers }, (_, layer) => {
      const frequencies = frequenciesOf(scaled[sliding[layer] ? 1 : 0]);
      const own = family.ropeless?.(settings, layer) ? still : still.map((none, pair) => frequencies[pair] ?? none);
      const known = kinds.findIndex((kind) => kind.every((frequency, pair) => frequency === own[pair]));
      return known < 0 ? kinds.push(own) - 1 : known;
    });
    return { kinds, layers };
  };
  const [{ beyond }] = scaled;
  const longer = beyond?.frequencies && ofLayers(({ beyond, frequencies }) => beyond?.frequencies ?? frequencies);
  return {
    rotary: ofLayers(({ frequencies }) => frequencies),
    ...(beyond === undefined ? {} : { rotaryBeyond: { length: beyond.length, ...(longer && { rotary: longer }) } }),
    rotaryDim,
    attentionFactor,
  };
}

/** Dimensions of a head that turn with the position. */
function turningDimensions(family: Family, settings: Settings, headDim: number): number {
  const factor = settings.number("partialRotaryFactor", 1);
  const dimensions = settings.integer("rotaryDim", Math.floor(headDim * factor));
  const setting = settings.value("rotaryDim") === undefined ? "partialRotaryFactor" : "rotaryDim";
  const value = setting === "rotaryDim" ? dimensions : factor;
  if (dimensions === headDim) return headDim;
  if (!family.partialRotary) settings.refuse(setting, value, setting === "rotaryDim" ? `the head's ${headDim}` : "1");
  if (dimensions > 0 && dimensions < headDim && dimensions % 2 === 0) return dimensions;
  settings.fail(setting, `must leave an even number of the head's ${headDim} dimensions to turn`, value);
}

/** Far above any model: the deepest known has 126 layers, the widest 53,248 and 10 million tokens. */
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
function checkSizes<
  Checked extends Pick<ModelConfig, keyof typeof LIMITS | "rmsNormEps" | "eosTokenIds">,
>(config: Checked): Checked {
  for (const [key, limit] of Object.entries(LIMITS) as [keyof typeof LIMITS, number][]) {
    if (config[key] < 1 || config[key] > limit) fail(`${key} must be in [1, ${limit}]`, config[key]);
  }
  const { numAttentionHeads, numKeyValueHeads, headDim, rmsNormEps, eosTokenIds, vocabSize } = config;
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    fail(`its ${numAttentionHeads} query heads must be a multiple of its kv heads`, numKeyValueHeads);
  }
  if (headDim % 2 !== 0) fail("headDim must be even, for rotary embedding", headDim);
  if (!(rmsNormEps > 0)) fail("rmsNormEps must be above 0", rmsNormEps);
  for (const id of eosTokenIds) {
    if (id < 0 || id >= vocabSize) fail(`an end token must be in [0, ${vocabSize})`, id);
  }
  return config;
}

function fail(rule: string, value: number): never {
  throw new SyntaxError(`Cannot use the model's configuration as ${rule}: current value is ${value}`);
}
