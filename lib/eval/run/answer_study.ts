import type { Model } from "../../engine/mod.ts";
import type { Fact, FactPrompt } from "../dataset/fact_prompt.ts";
import type { QuestionTiming } from "../dataset/kvpress_prompt.ts";
import { evictedForks } from "./evicted_forks.ts";
import { isRight } from "./scorers.ts";
import { type PolicySetting, settingName } from "./setting.ts";

/** What a study needs of a model. */
export type AnsweringModel = Pick<Model, "prefill" | "generate">;

/** Options of {@linkcode answerStudy}. */
export interface AnswerStudyOptions {
  /** `agnostic` by default. */
  readonly timing?: QuestionTiming;
  /** 8 by default, enough for a code and a full stop. */
  readonly maxNewTokens?: number;
  /** Ends the study between two answers. */
  readonly signal?: AbortSignal;
  /** Called with the contexts done and their number. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** One answer, by the names that JSON gives it. */
export interface Answer {
  /** Index of the prompt. */
  readonly context: number;
  /** The policy's name. */
  readonly policy: string;
  /** Fraction of rows removed. */
  readonly compression_ratio: number;
  /** Whether the question was known. */
  readonly timing: QuestionTiming;
  /** Which of the prompt's facts was asked for, from 0. */
  readonly fact: number;
  /** Where it stands: the share of the text before it, in [0, 1). */
  readonly depth: number;
  /** What a right answer contains. */
  readonly expected: string;
  /** What the model said. */
  readonly text: string;
  /** Whether it contains that. */
  readonly right: boolean;
  /** What the cache held after the eviction, in bytes. */
  readonly live_bytes: number;
}

/**
 * Asks every prompt for one of its facts (the first prompt for its first fact, the second for its second, and so on
 * around) under every arm. All arms of a prompt start from one prefill, so their answers are paired; what some arms said
 * is the draft of what the next ones may say.
 *
 * @throws {TypeError} if a policy reads a signal that a prefill does not record
 * @throws {RangeError} if a prompt does not fit the model's context
 */
export async function answerStudy(
  model: AnsweringModel,
  prompts: readonly FactPrompt[],
  settings: readonly PolicySetting[],
  { timing = "agnostic", maxNewTokens = 8, signal, onProgress }: AnswerStudyOptions = {},
): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (const [context, prompt] of prompts.entries()) {
    const index = context % prompt.facts.length;
    const fact = prompt.facts[index];
    const [before, after] = splitQuestion(prompt, fact, timing);
    const earlier = new EarlierAnswers();
    using full = await model.prefill(before, { template: "none", signal });
    const evicted = evictedForks(full);
    for (const { policy, compressionRatio, cacheDtype } of settings) {
      using cache = await evicted(policy, compressionRatio, { signal });
      if (cacheDtype !== undefined) cache.quantize(cacheDtype);
      const live_bytes = cache.liveBytes;
      const { draft } = earlier;
      const { text, ids } = await model.generate(after, { cache, maxNewTokens, template: "none", signal, draft });
      earlier.add(ids);
      answers.push({
        context,
        policy: settingName({ policy, cacheDtype }),
        compression_ratio: compressionRatio,
        timing,
        fact: index,
        depth: fact.depth,
        expected: fact.answer,
        text,
        right: isRight(text, fact.answer),
        live_bytes,
      });
    }
    onProgress?.(context + 1, prompts.length);
  }
  return answers;
}

/** What is read before the eviction and what after it. */
function splitQuestion(
  { text }: FactPrompt,
  { question, answerPrefix }: Fact,
  timing: QuestionTiming,
): [before: string, after: string] {
  const asked = `\n\nQuestion: ${question}\nAnswer:`;
  return timing === "agnostic" ? [text, `${asked} ${answerPrefix}`] : [text + asked, ` ${answerPrefix}`];
}

/**
 * Answers to one question, which foretell further ones: under many policies a model says much the same.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { EarlierAnswers } from "kvmirror/eval";
 *
 * const answers = new EarlierAnswers();
 * answers.add([5, 6, 7]);
 * answers.add([5, 8]);
 * assertEquals(answers.draft([5, 6]), [7]);
 * ```
 */
export class EarlierAnswers {
  readonly #answers: (readonly number[])[] = [];

  /** Takes one more answer in, `[tokens]`. */
  add(ids: readonly number[]): void {
    this.#answers.push(ids);
  }

  /** What those that began like this one went on with, token by token as most of them did; of equals the newer. */
  readonly draft = (generated: readonly number[]): number[] => {
    let alike = this.#answers.filter((ids) => generated.every((id, place) => ids[place] === id));
    const draft: number[] = [];
    for (let place = generated.length;; place++) {
      const following = Map.groupBy(alike.filter(({ length }) => length > place), (ids) => ids[place]);
      const most = [...following.entries()].reduce<[number, (readonly number[])[]] | undefined>(
        (best, one) => best !== undefined && best[1].length > one[1].length ? best : one,
        undefined,
      );
      if (most === undefined) return draft;
      draft.push(most[0]);
      alike = most[1];
    }
  };
}
