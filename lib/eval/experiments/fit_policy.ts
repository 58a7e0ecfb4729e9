import { concatenate } from "../../numeric/vectors.ts";
import { checkOptions, checkWord, type OptionNames } from "../../numeric/nearest_name.ts";
import { FITTED_POLICIES, type FittedPolicy, type FittedShapes, type KvCache, type Model } from "../../engine/mod.ts";
import { probeShapes } from "../../engine/observe/attention_probe.ts";
import { AttentionProbeFit } from "../../engine/observe/attention_probe_fit.ts";
import { kvzapModel, kvzapShapes } from "../../engine/observe/kvzap.ts";
import { KvzapFit } from "../../engine/observe/kvzap_fit.ts";
import { filteredModel, queryFilterShapes } from "../../engine/observe/query_filters.ts";
import { QueryFiltersFit } from "../../engine/observe/query_filters_fit.ts";
import { kvpressPrompt } from "../dataset/kvpress_prompt.ts";

/** Options of {@linkcode fitPolicy}. */
export interface FitPolicyOptions {
  /** On the weights' squares; 10 by default. */
  readonly penalty?: number;
  /** Ends the work between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each text. */
  readonly onProgress?: (done: number, total: number) => void;
}

const FIT_POLICY_OPTIONS: OptionNames<FitPolicyOptions> = { penalty: true, signal: true, onProgress: true };

/** The model's parts that a fit uses. */
export type FittedModel = Pick<Model, "createCache" | "read" | "tokenizer" | "config">;

/** What was fitted: weights by name, and their shapes, as {@linkcode encodeFitted} takes them. */
export interface FittedPolicyWeights {
  /** Numbers of each, row-major. */
  readonly weights: Readonly<Record<string, Float32Array>>;
  /** Shape of each. */
  readonly shapes: FittedShapes;
}

/** Learns from one text after the other. */
interface Learner {
  /** The signal that it learns to predict, in a second pass; undefined if reading the text says all. */
  readonly signal?: "reconstruction" | "normalizedReconstruction";
  /** What of the layers it learns from, beside the rows. */
  readonly reads?: "layerInputs" | "queryKeys";
  /**
   * Learns from a text: `layerValues` are what it reads, by layer, `[tokens, width]` each, `scores` are
   * `[layer · kv heads + kv head]`, `[tokens]` each.
   */
  add(cache: KvCache, layerValues: readonly Float32Array[], scores: readonly Float32Array[]): void;
  solve(penalty?: number): FittedPolicyWeights;
}

const LEARNERS: Readonly<Record<FittedPolicy, (model: FittedModel) => Learner>> = {
  attention_probe: (model) => {
    const { shape } = model.createCache();
    const fit = new AttentionProbeFit(shape);
    return {
      signal: "reconstruction",
      add: (cache, _, scores) => fit.add(cache.probedRows(), scores),
      solve: (penalty) => ({ weights: { ...fit.solve(penalty) }, shapes: probeShapes(shape) }),
    };
  },
  kvzap: ({ config }) => {
    const sizes = kvzapModel(config);
    const fit = new KvzapFit(sizes);
    return {
      signal: "normalizedReconstruction",
      reads: "layerInputs",
      add: (_, layerInputs, scores) => fit.add(layerInputs, scores),
      solve: (penalty) => ({ weights: { ...fit.solve(penalty) }, shapes: kvzapShapes(sizes) }),
    };
  },
  qfilter: ({ config }) => {
    const fit = new QueryFiltersFit(config);
    return {
      reads: "queryKeys",
      add: (cache, queryKeys) => fit.add(queryKeys, cache.rotary),
      solve: () => ({ weights: { ...fit.solve() }, shapes: queryFilterShapes(filteredModel(config)) }),
    };
  },
};

/**
 * Fits what a policy reads of a model: `attention_probe` predicts KVzip's scores, `kvzap` those of KVzip+. They are the
 * most attention that a row gets while the model repeats the text, in KVzip+ by what the row then writes. `qfilter` takes
 * the directions of the queries. A fit keeps no text.
 *
 * @param texts that are learned from, each in the model's chat template; none that is to be evaluated later
 * @throws {RangeError} if there are none, or no such policy is fitted
 */
export async function fitPolicy(
  model: FittedModel,
  policy: FittedPolicy,
  texts: readonly string[],
  options: FitPolicyOptions = {},
): Promise<FittedPolicyWeights> {
  checkOptions("fitPolicy", options, FIT_POLICY_OPTIONS);
  checkWord("policy", policy, FITTED_POLICIES);
  const { penalty, signal, onProgress } = options;
  if (texts.length === 0) throw new RangeError(`Cannot fit ${policy} to no texts: give some`);
  const learner = LEARNERS[policy](model);
  for (const [index, context] of texts.entries()) {
    const { contextIds } = kvpressPrompt(model.tokenizer, { context, question: "", answer_prefix: "" });
    using cache = model.createCache([]);
    const chunks: (readonly Float32Array[])[] = [];
    const keep = (values: readonly Float32Array[]) => chunks.push(values);
    const wanted = { layerInputs: { onLayerInputs: keep }, queryKeys: { onQueryKeys: keep } };
    const { reads, signal: predicted } = learner;
    await model.read(cache, contextIds, {
      ...{ logitsOf: "none", signal },
      ...(reads === undefined ? {} : wanted[reads]),
    });
    const scores = predicted === undefined ? [] : await observedScores(cache, policy, predicted, signal);
    learner.add(cache, joined(chunks), scores);
    onProgress?.(index + 1, texts.length);
  }
  return learner.solve(penalty);
}

/** An observed signal of a cache, `[layer · kv heads + kv head]`, `[tokens]` each. */
async function observedScores(
  cache: KvCache,
  name: string,
  predicted: "reconstruction" | "normalizedReconstruction",
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  await cache.observe({ name, signals: [predicted] }, { signal });
  return cache.layers().flatMap(({ heads }) => heads.map((head) => Float32Array.from(head.signal(predicted))));
}

/** Values of each layer, chunk after chunk: by layer `[tokens, width]`. */
function joined(chunks: readonly (readonly Float32Array[])[]): Float32Array[] {
  const [first = []] = chunks;
  return first.map((_, layer) => concatenate(chunks.map((inputs) => inputs[layer])));
}
