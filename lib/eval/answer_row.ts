import type { KvCache, Model } from "../engine/mod.ts";
import { likeliest } from "../engine/sampling.ts";
import { isFloatRows } from "../engine/row_format.ts";
import { divergence } from "../metrics/divergence.ts";
import type { Cell } from "./evaluated_cell.ts";

/** What answering needs of a model. */
export type ReadingModel = Pick<Model, "read" | "tokenizer" | "config">;

/** The full cache's answer: what others are held to. */
export interface ReferenceAnswer {
  /** Its tokens, the one that ended it among them. */
  readonly ids: readonly number[];
  /** The logits that each was drawn from, `[tokens · vocab]`. */
  readonly logits: Float32Array;
}

/** A question, and where its answer ends at the latest. */
export interface AskedQuestion {
  /** Its tokens, and those of the answer's beginning. */
  readonly questionIds: readonly number[];
  /** Tokens of the longest answer. */
  readonly maxNewTokens: number;
}

/** What the full cache answers. */
export async function referenceAnswer(
  model: ReadingModel,
  context: KvCache,
  { questionIds, maxNewTokens }: AskedQuestion,
  signal?: AbortSignal,
): Promise<ReferenceAnswer> {
  using asked = context.fork();
  const first = await model.read(asked, questionIds, { attention: "skip", signal });
  const ids = await greedyAnswer(model, asked, [likeliest(first)], maxNewTokens, signal);
  // Read once more as other caches will read it, so that what differs is due to their rows alone.
  using again = context.fork();
  return { ids, logits: await forcedLogits(model, again, questionIds, ids, signal) };
}

/**
 * What a compressed cache answers, and how far its distributions are from the reference's on the reference's tokens. The
 * question and the reference's answer are read in one run, and the answer is decoded only from where it parts from that:
 * up to there, both read the same tokens.
 *
 * @param cache grows by what is read
 */
export async function answerRow(
  model: ReadingModel,
  cache: KvCache,
  { questionIds, maxNewTokens }: AskedQuestion,
  reference: ReferenceAnswer,
  signal?: AbortSignal,
): Promise<Cell> {
  const { liveBytes, tokenCount } = cache;
  // A rewind leaves rows rounded that were rounded since: such a cache is kept as it was.
  using unasked = isFloatRows(cache.rowFormat) ? undefined : cache.fork();
  const logits = await forcedLogits(model, cache, questionIds, reference.ids, signal);
  const { vocabSize } = model.config;
  const at = (values: Float32Array, step: number) => values.subarray(step * vocabSize, (step + 1) * vocabSize);
  const steps = reference.ids.map((_, step) => [at(reference.logits, step), at(logits, step)] as const);
  const parts = reference.ids.findIndex((id, step) => likeliest(at(logits, step)) !== id);
  let ids = reference.ids;
  if (parts >= 0) {
    const alike = reference.ids.slice(0, parts);
    if (unasked === undefined) cache.rewind(tokenCount + questionIds.length + parts);
    else await model.read(unasked, [...questionIds, ...alike], { logitsOf: "none", attention: "skip", signal });
    const begun = [...alike, likeliest(at(logits, parts))];
    ids = await greedyAnswer(model, unasked ?? cache, begun, maxNewTokens, signal);
  }
  return {
    prediction: model.tokenizer.decode(ids, { specialTokens: "skip" }),
    answer_tokens: ids.length,
    context_tokens: tokenCount,
    live_bytes: liveBytes,
    kl: steps.map(([expected, actual]) => Number(Math.max(0, divergence(expected, actual)).toPrecision(6))),
    agreement: steps.map(([expected, actual]) => Number(likeliest(expected) === likeliest(actual))),
  };
}

/**
 * Greedy tokens from some on, as kvpress 0.5.5 takes them: the first does not end the answer, whatever it is.
 *
 * @param cache has read all but the last of the tokens that the answer begins with
 * @param begun these tokens, one at least
 */
async function greedyAnswer(
  model: ReadingModel,
  cache: KvCache,
  begun: readonly number[],
  maxNewTokens: number,
  signal?: AbortSignal,
): Promise<number[]> {
  const ids = [...begun];
  while (ids.length < maxNewTokens && (ids.length === 1 || !model.tokenizer.eosTokenIds.includes(ids.at(-1)!))) {
    ids.push(likeliest(await model.read(cache, ids.slice(-1), { attention: "skip", signal })));
  }
  return ids;
}

/** Logits before each of these tokens, when the question and the ones before it are given: `[tokens · vocab]`. */
function forcedLogits(
  model: ReadingModel,
  cache: KvCache,
  questionIds: readonly number[],
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Float32Array> {
  const read = [...questionIds, ...ids.slice(0, -1)];
  return model.read(cache, read, { logitsOf: ids.length, attention: "skip", signal });
}
