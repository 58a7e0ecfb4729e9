import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { AttentionProbe, Model } from "../../engine/mod.ts";
import { AttentionProbeFit } from "../../engine/observe/attention_probe_fit.ts";
import { kvpressPrompt } from "../dataset/kvpress_prompt.ts";

/** Options of {@linkcode fitAttentionProbe}. */
export interface FitAttentionProbeOptions {
  /** On the weights' squares; 10 by default. */
  readonly penalty?: number;
  /** Ends the work between two chunks. */
  readonly signal?: AbortSignal;
  /** Called after each text. */
  readonly onProgress?: (done: number, total: number) => void;
}

const FIT_ATTENTION_PROBE_OPTIONS: OptionNames<FitAttentionProbeOptions> = {
  penalty: true,
  signal: true,
  onProgress: true,
};

/** What the probe learns: the signal that KVzip reads the text a second time for. */
const TARGET = { name: "attention_probe", signals: ["reconstruction"] } as const;

/**
 * Fits a model's attention probe to KVzip's scores: the most attention that a row gets while the model repeats the text.
 * It keeps no text.
 *
 * @param texts that are learned from, each in the model's chat template; none that is to be evaluated later
 * @throws {RangeError} if there are none
 */
export async function fitAttentionProbe(
  model: Pick<Model, "createCache" | "read" | "tokenizer">,
  texts: readonly string[],
  options: FitAttentionProbeOptions = {},
): Promise<AttentionProbe> {
  checkOptions("fitAttentionProbe", options, FIT_ATTENTION_PROBE_OPTIONS);
  const { penalty, signal, onProgress } = options;
  let fit: AttentionProbeFit | undefined;
  for (const [index, context] of texts.entries()) {
    const { contextIds } = kvpressPrompt(model.tokenizer, { context, question: "", answer_prefix: "" });
    using cache = model.createCache([]);
    await model.read(cache, contextIds, { logitsOf: "none", signal });
    await cache.observe(TARGET, { signal });
    const wanted = cache.layers().flatMap(({ heads }) =>
      heads.map((head) => Float32Array.from(head.signal("reconstruction")))
    );
    fit ??= new AttentionProbeFit(cache.shape);
    fit.add(cache.probedRows(), wanted);
    onProgress?.(index + 1, texts.length);
  }
  if (fit === undefined) throw new RangeError("Cannot fit an attention probe to no texts: give some");
  return fit.solve(penalty);
}
