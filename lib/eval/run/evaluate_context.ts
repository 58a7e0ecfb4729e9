import { likeliest } from "../../engine/generate/sampling.ts";
import { type Draft, SpeculativeDecoder } from "../../engine/generate/speculative_decoder.ts";
import { fittedHash } from "../../engine/observe/fitted_weights.ts";
import { type KvCache, type Model, type PositionMode, prefillRecordings, type Recording } from "../../engine/mod.ts";
import { isFloat32 } from "../../engine/rows/cache_dtype.ts";
import { logDivergence } from "../../metrics/divergence.ts";
import { logProbabilities } from "../../numeric/log_probabilities.ts";
import type { PromptIds } from "../dataset/kvpress_prompt.ts";
import { AnswerDrafts } from "./answer_drafts.ts";
import { CUT_PROMPT, cutPrompt } from "./cut_prompt.ts";
import { evictedForks } from "./evicted_forks.ts";
import { type LaterAttention, laterAttention } from "./later_attention.ts";
import type { AskJobs, Job, JobQuestion, JobSetting } from "./job.ts";
import type { Sample } from "./sample.ts";
import { sampleKey } from "./sample_store.ts";
import { parseSetting, type Setting, settingName } from "./setting.ts";

/** What an evaluation needs of a model. */
export type EvaluatedModel = Pick<Model, "read" | "createCache" | "tokenizer" | "config" | "hash" | "origin">;

/** A question about a context, and the settings that are to answer it. */
export interface ContextQuestion extends PromptIds {
  /** Tokens of the longest answer. */
  readonly maxNewTokens: number;
  /** The settings, in the order of their answers. */
  readonly settings: readonly Setting[];
}

/** What one setting made of one question. */
export interface ContextOutcome<Question extends ContextQuestion> {
  /** The question. */
  readonly question: Question;
  /** The setting. */
  readonly setting: Question["settings"][number];
  /** The sample, or why there is none. */
  readonly sample: Sample | Error;
}

/** What a context records, so that every setting can choose from it; a setting that lacks a fit fails by itself. */
function recordingsOf({ hash }: EvaluatedModel, settings: readonly Setting[]): Recording[] {
  const signals = settings.flatMap(({ policy }) => policy === CUT_PROMPT ? [] : policy.signals);
  return prefillRecordings(signals).filter((recording) =>
    recording !== "predictedReconstruction" || fittedHash("kvzap", hash) !== undefined
  );
}

/** Answers questions about contexts, one context after the other. */
export async function* answerHere<Question extends ContextQuestion>(
  model: EvaluatedModel,
  contexts: Iterable<readonly Question[]>,
  positions: PositionMode,
  signal?: AbortSignal,
): AsyncGenerator<ContextOutcome<Question>, void, undefined> {
  for (const questions of contexts) yield* evaluateContext(model, questions, positions, signal);
}

/**
 * Has questions about contexts answered elsewhere: each context is a job, and all are asked for at once. Settings whose
 * name alone does not tell what they do, such as a policy of one's own, are answered here, behind the others.
 */
export async function* answerElsewhere<Question extends ContextQuestion>(
  ask: AskJobs,
  model: EvaluatedModel,
  contexts: Iterable<readonly Question[]>,
  positions: PositionMode,
  signal?: AbortSignal,
): AsyncGenerator<ContextOutcome<Question>, void, undefined> {
  const jobs: Job[] = [];
  const asked = new Map<string, Omit<ContextOutcome<Question>, "sample">[]>(); // rows may ask the same
  const unnamed: Question[][] = [];
  const known = new Map<Setting, boolean>();
  const isTold = (setting: Setting) =>
    known.get(setting) ?? known.set(setting, isToldByName(setting, model)).get(setting)!;
  for (const questions of contexts) {
    const own: Question[] = [];
    const others: JobQuestion[] = [];
    for (const question of questions) {
      const { openingTokens, questionIds, maxNewTokens } = question;
      const here: Setting[] = [];
      const settings: JobSetting[] = [];
      for (const setting of question.settings) {
        const key = isTold(setting)
          ? sampleKey({ model, setting, positions, prompt: question, maxNewTokens })
          : undefined;
        if (key === undefined) here.push(setting);
        else if (asked.has(key)) asked.get(key)!.push({ question, setting });
        else {
          asked.set(key, [{ question, setting }]);
          settings.push({ ...settingName(setting), key });
        }
      }
      if (here.length > 0) own.push({ ...question, settings: here });
      if (settings.length > 0) others.push({ openingTokens, questionIds, maxNewTokens, settings });
    }
    if (own.length > 0) unnamed.push(own);
    if (others.length > 0) jobs.push({ positions, contextIds: questions[0].contextIds, questions: others });
  }
  for await (const outcome of jobs.length === 0 ? [] : ask(model, jobs, signal)) {
    const sample = "sample" in outcome ? outcome.sample : new Error(outcome.error);
    for (const one of asked.get(outcome.key) ?? []) yield { ...one, sample };
    asked.delete(outcome.key);
  }
  yield* answerHere(model, unnamed, positions, signal);
  for (const one of [...asked.values()].flat()) yield { ...one, sample: new Error("nobody has answered it") };
}

/** Whether somebody who reads a setting's name has the same setting. */
function isToldByName(setting: Setting, model: EvaluatedModel): boolean {
  const nothing = { openingTokens: 0, contextIds: [], questionIds: [] };
  const keyOf = (one: Setting) =>
    sampleKey({ model, setting: one, positions: "logical", prompt: nothing, maxNewTokens: 0 });
  try {
    const key = keyOf(setting);
    return key !== undefined && keyOf(parseSetting(settingName(setting))) === key;
  } catch {
    return false;
  }
}

/**
 * Answers questions about one context under their settings: the context is read once, and every setting forks from it. A
 * setting that fails gives its error, and the others go on; nothing is thrown but the signal's reason.
 */
export async function* evaluateContext<Question extends ContextQuestion>(
  model: EvaluatedModel,
  questions: readonly Question[],
  positions: PositionMode,
  signal?: AbortSignal,
): AsyncGenerator<ContextOutcome<Question>, void, undefined> {
  const attempt = async <Result>(make: () => Promise<Result>): Promise<Result | Error> => {
    try {
      return await make();
    } catch (error) {
      signal?.throwIfAborted();
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  const settings = questions.flatMap(({ settings }) => settings);
  using context = model.createCache(recordingsOf(model, settings));
  const read = await attempt(() => model.read(context, questions[0].contextIds, { logitsOf: "none", signal }));
  const evicted = evictedForks(context, positions);
  for (const question of questions) {
    const reference = read instanceof Error
      ? read
      : await attempt(() => referenceAnswer(model, context, question, signal));
    const drafts = new AnswerDrafts();
    let later: LaterAttention | undefined;
    for (const setting of question.settings as readonly Question["settings"][number][]) {
      const sample = reference instanceof Error ? reference : await attempt(async () => {
        if (setting.policy !== CUT_PROMPT && setting.policy.signals.includes("laterAttention")) {
          const ids = [...question.questionIds, ...reference.ids.slice(0, -1)];
          later ??= await laterAttention(model, context, ids, signal);
        }
        using cache = setting.policy === CUT_PROMPT
          ? await cutPrompt(model, question, setting.compressionRatio, signal)
          : await evicted(setting.policy, setting.compressionRatio, { later, signal });
        if (setting.cacheDtype !== undefined) cache.quantize(setting.cacheDtype);
        return await answerRow(model, cache, question satisfies AskedQuestion, reference, { drafts, signal });
      });
      yield { question, setting, sample };
    }
  }
}

/** What answering needs of a model. */
export type ReadingModel = Pick<Model, "read" | "tokenizer" | "config">;

/** The full cache's answer: what others are held to. */
export interface ReferenceAnswer {
  /** Its tokens, the one that ended it among them. */
  readonly ids: readonly number[];
  /** Before each of its tokens, the log-probability of every token, `[tokens][vocab]`. */
  readonly logProbabilities: readonly Float32Array[];
  /** The likeliest token there, `[tokens]`: its own, unless another length of run settles a near tie another way. */
  readonly likeliest: readonly number[];
}

/** A question, and where its answer ends at the latest. */
export interface AskedQuestion {
  /** Its tokens, and those of the answer's beginning. */
  readonly questionIds: readonly number[];
  /** Tokens of the longest answer. */
  readonly maxNewTokens: number;
}

/** What the full cache answers. */
async function referenceAnswer(
  model: ReadingModel,
  context: KvCache,
  { questionIds, maxNewTokens }: AskedQuestion,
  signal?: AbortSignal,
): Promise<ReferenceAnswer> {
  using asked = context.fork();
  const first = await model.read(asked, questionIds, { attention: "skip", signal });
  const ids = await greedyAnswer(model, asked, [likeliest(first)], maxNewTokens, { signal });
  // Read once more as other caches will read it, so that what differs is due to their rows alone.
  using again = context.fork();
  const logits = await forcedLogits(model, again, questionIds, ids, signal);
  return { ids, logProbabilities: logits.map(logProbabilities), likeliest: logits.map(likeliest) };
}

/**
 * What a compressed cache answers, and how far its distributions are from the reference's on the reference's tokens. The
 * question and the reference's answer are read in one run, and the answer is decoded only from where it parts from that:
 * up to there, both read the same tokens. From there on, earlier answers that parted alike are its draft.
 *
 * @param cache grows by what is read
 */
async function answerRow(
  model: ReadingModel,
  cache: KvCache,
  { questionIds, maxNewTokens }: AskedQuestion,
  reference: ReferenceAnswer,
  { drafts, signal }: { readonly drafts: AnswerDrafts; readonly signal?: AbortSignal },
): Promise<Sample> {
  const { liveBytes, tokenCount } = cache;
  // A rewind leaves rows rounded that were rounded since: such a cache is kept as it was.
  using unasked = isFloat32(cache.cacheDtype) ? undefined : cache.fork();
  const logits = await forcedLogits(model, cache, questionIds, reference.ids, signal);
  const said = logits.map(likeliest);
  const parts = reference.ids.findIndex((id, step) => said[step] !== id);
  let ids = reference.ids;
  if (parts >= 0) {
    const alike = reference.ids.slice(0, parts);
    if (unasked === undefined) cache.rewind(tokenCount + questionIds.length + parts);
    else await model.read(unasked, [...questionIds, ...alike], { logitsOf: "none", attention: "skip", signal });
    const begun = [...alike, said[parts]];
    // A draft is taken back by a rewind, which a quantized cache is spared.
    const draft = unasked === undefined ? drafts.next : undefined;
    ids = await greedyAnswer(model, unasked ?? cache, begun, maxNewTokens, { draft, signal });
    drafts.add(ids);
  }
  return {
    prediction: model.tokenizer.decode(ids, { specialTokens: "skip", spaces: model.tokenizer.spaces }),
    answer_tokens: ids.length,
    context_tokens: tokenCount,
    live_bytes: liveBytes,
    kl: reference.logProbabilities.map((expected, step) =>
      Number(Math.max(0, logDivergence(expected, logProbabilities(logits[step]))).toPrecision(6))
    ),
    agreement: reference.likeliest.map((id, step) => Number(id === said[step])),
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
  { draft, signal }: { readonly draft?: Draft; readonly signal?: AbortSignal },
): Promise<number[]> {
  const ids = [...begun];
  const decoder = new SpeculativeDecoder({
    ...{ cache, draft, bound: undefined, config: model.config },
    readNext: (next, options) => model.read(cache, next, { ...options, attention: "skip", signal }),
  });
  while (ids.length < maxNewTokens && (ids.length === 1 || !model.tokenizer.eosTokenIds.includes(ids.at(-1)!))) {
    ids.push(likeliest(await decoder.next(ids.slice(-1), ids, maxNewTokens - ids.length - 1)));
  }
  return ids;
}

/** Logits before each of these tokens, when the question and the tokens before it are given: `[tokens][vocab]`. */
async function forcedLogits(
  model: ReadingModel,
  cache: KvCache,
  questionIds: readonly number[],
  ids: readonly number[],
  signal?: AbortSignal,
): Promise<Float32Array[]> {
  const read = [...questionIds, ...ids.slice(0, -1)];
  const logits = await model.read(cache, read, { logitsOf: ids.length, attention: "skip", signal });
  const { vocabSize } = model.config;
  return ids.map((_, step) => logits.subarray(step * vocabSize, (step + 1) * vocabSize));
}
