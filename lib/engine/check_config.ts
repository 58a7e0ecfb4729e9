import type { ModelConfig } from "./checkpoint.ts";

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

/** Throws a SyntaxError unless the shape can be a model's: sizes in their limits, heads in whole groups. */
export function checkConfig(config: ModelConfig): ModelConfig {
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
