import type { KvCache, Model } from "../engine/mod.ts";
import { likeliest } from "../engine/sampling.ts";
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
  return { ids, logits: await forcedLogits(model, asked, first, ids, signal) };
}

/**
 * What a compressed cache answers, and how far its distributions are from the reference's on the reference's tokens. The
 * answer is decoded only from where it parts from the reference: up to there, both read the same tokens.
 */
export async function answerRow(
  model: ReadingModel,
  context: KvCache,
  { questionIds, maxNewTokens }: AskedQuestion,
  reference: ReferenceAnswer,
  signal?: AbortSignal,
): Promise<Cell> {
  using asked = context.fork();
  const { liveBytes, tokenCount } = context;
  const first = await model.read(asked, questionIds, { attention: "skip", signal });
  const logits = await forcedLogits(model, asked, first, reference.ids, signal);
  const { vocabSize } = model.config;
  const at = (values: Float32Array, step: number) => values.subarray(step * vocabSize, (step + 1) * vocabSize);
  const steps = reference.ids.map((_, step) => [at(reference.logits, step), at(logits, step)] as const);
  const parts = reference.ids.findIndex((id, step) => likeliest(at(logits, step)) !== id);
  const ids = parts < 0 ? reference.ids : await greedyAnswer(
    model,
    asked,
    [...reference.ids.slice(0, parts), likeliest(at(logits, parts))],
    maxNewTokens,
    signal,
  );
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
 * @param begun tokens that the answer begins with, one at least
 */
async function greedyAnswer(
  model: ReadingModel,
  asked: KvCache,
  begun: readonly number[],
  maxNewTokens: number,
  signal?: AbortSignal,
): Promise<number[]> {
  using cache = asked.fork();
  const ids = [...begun];
  let unread = begun;
  while (ids.length < maxNewTokens && (ids.length === 1 || !model.tokenizer.eosTokenIds.includes(ids.at(-1)!))) {
    const id = likeliest(await model.read(cache, unread, { attention: "skip", signal }));
    ids.push(id);
    unread = [id];
  }
  return ids;
}

/** Logits before each of these tokens, when the ones before it are given: `[tokens · vocab]`. */
async function forcedLogits(
  model: ReadingModel,
  asked: KvCache,
  first: Float32Array,
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Float32Array> {
  if (ids.length === 1) return first;
  using cache = asked.fork();
  const later = await model.read(cache, ids.slice(0, -1), { logitsOf: "all", attention: "skip", signal });
  const all = new Float32Array(first.length + later.length);
  all.set(first);
  all.set(later, first.length);
  return all;
}
