import { concatenate } from "../../numeric/vectors.ts";
import { checkOptions, checkWord, type OptionNames } from "../../numeric/nearest_name.ts";
import { FITTED_POLICIES, type FittedPolicy, type FittedShapes, type KvCache, type Model } from "../../engine/mod.ts";
import { probeShapes } from "../../engine/observe/attention_probe.ts";
import { AttentionProbeFit } from "../../engine/observe/attention_probe_fit.ts";
import { kvzapModel, kvzapShapes } from "../../engine/observe/kvzap.ts";
import { KvzapFit } from "../../engine/observe/kvzap_fit.ts";
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
  /** The signal that it learns to predict. */
  readonly signal: "reconstruction" | "normalizedReconstruction";
  /** Whether it learns from the inputs of the layers. */
  readonly readsLayerInputs: boolean;
  /** Learns from a text: `scores` are `[layer · kv heads + kv head]`, `[tokens]` each. */
  add(cache: KvCache, layerInputs: readonly Float32Array[], scores: readonly Float32Array[]): void;
  solve(penalty?: number): FittedPolicyWeights;
}

const LEARNERS: Readonly<Record<FittedPolicy, (model: FittedModel) => Learner>> = {
  attention_probe: (model) => {
    const { shape } = model.createCache();
    const fit = new AttentionProbeFit(shape);
    return {
      signal: "reconstruction",
      readsLayerInputs: false,
      add: (cache, _, scores) => fit.add(cache.probedRows(), scores),
      solve: (penalty) => ({ weights: { ...fit.solve(penalty) }, shapes: probeShapes(shape) }),
    };
  },
  kvzap: ({ config }) => {
    const sizes = kvzapModel(config);
    const fit = new KvzapFit(sizes);
    return {
      signal: "normalizedReconstruction",
      readsLayerInputs: true,
      add: (_, layerInputs, scores) => fit.add(layerInputs, scores),
      solve: (penalty) => ({ weights: { ...fit.solve(penalty) }, shapes: kvzapShapes(sizes) }),
    };
  },
};

/**
 * Fits what a policy predicts for a model: `attention_probe` KVzip's scores, `kvzap` those of KVzip+. They are the most
 * attention that a row gets while the model repeats the text, in KVzip+ by what the row then writes. It keeps no text.
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
    const onLayerInputs = learner.readsLayerInputs
      ? (inputs: readonly Float32Array[]) => chunks.push(inputs)
      : undefined;
    await model.read(cache, contextIds, { logitsOf: "none", signal, onLayerInputs });
    await cache.observe({ name: policy, signals: [learner.signal] }, { signal });
    const scores = cache.layers().flatMap(({ heads }) =>
      heads.map((head) => Float32Array.from(head.signal(learner.signal)))
    );
    learner.add(cache, joined(chunks), scores);
    onProgress?.(index + 1, texts.length);
  }
  return learner.solve(penalty);
}

/** The inputs of each layer, chunk after chunk: by layer `[tokens, hidden]`. */
function joined(chunks: readonly (readonly Float32Array[])[]): Float32Array[] {
  const [first = []] = chunks;
  return first.map((_, layer) => concatenate(chunks.map((inputs) => inputs[layer])));
}
