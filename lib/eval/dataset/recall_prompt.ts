import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import heldOutWords from "../../../data/models/tiny/held_out_words.json" with { type: "json" };
import { MersenneTwister } from "../../numeric/mersenne_twister.ts";
import type { FactPrompt } from "./fact_prompt.ts";
import { mobyDick, sentencesOf } from "./moby_dick.ts";

/** What is asked for: one fact alone, one of several, or a number at the end of a chain of two. */
export type RecallTask = "single" | "multikey" | "chain";

/** What a prompt is drawn from. */
export interface RecallPromptOptions {
  /** `single` by default. */
  readonly task?: RecallTask;
  /** Tokens of the text, the question not counted; 512 by default. */
  readonly length?: number;
  /** Facts (or chains) in the text of `multikey` and `chain`; 4 by default. */
  readonly facts?: number;
  /** 42 by default. */
  readonly seed?: number;
}

const RECALL_PROMPT_OPTIONS: OptionNames<RecallPromptOptions> = { task: true, length: true, facts: true, seed: true };

/** Chapters that the embedded model was not trained on: the last of the book. */
const HELD_OUT_CHAPTERS = 20;

let haystack: readonly string[] | undefined;

/**
 * Hides facts among sentences of Moby-Dick: the shape of text that the embedded model was trained on, made of words,
 * numbers and chapters that it was not (`data/models/tiny/train.py`).
 *
 * @param countTokens of a piece of the text, such as `(text) => model.tokenizer.encode(text).length`
 * @throws {RangeError} if there are no facts, or the length does not hold them
 *
 * @example
 * ```ts
 * import { recallPrompt } from "kvmirror/eval";
 *
 * const words = (text: string) => text.split(" ").length;
 * const { text, facts } = recallPrompt(words, { task: "multikey", length: 200, seed: 7 });
 * console.log(text, facts[0].question, facts[0].answer);
 * ```
 */
export function recallPrompt(
  countTokens: (text: string) => number,
  options: RecallPromptOptions = {},
): FactPrompt {
  checkOptions("recallPrompt", options, RECALL_PROMPT_OPTIONS);
  const { task = "single", length = 512, facts: count = 4, seed = 42 } = options;
  if (!Number.isSafeInteger(count) || count < 1 || count > MAX_FACTS) {
    throw new RangeError(`Cannot hide ${count} facts as it must be a whole number from 1 to ${MAX_FACTS}`);
  }
  const stream = new MersenneTwister(seed);
  const below = (limit: number): number => Math.floor(stream.random() * limit);
  const hidden = task === "chain" ? drawChains(below, count) : drawFacts(below, task === "single" ? 1 : count);
  const sentences = hidden.flatMap((fact) => fact.sentences);
  let room = length - sentences.reduce((sum, sentence) => sum + countTokens(` ${sentence}`), 0);
  if (!(room >= 0)) {
    throw new RangeError(
      `Cannot hide ${sentences.length} sentences in ${length} tokens: give at least ${length - room}`,
    );
  }
  haystack ??= sentencesOf(mobyDick().slice(-HELD_OUT_CHAPTERS));
  const prose: string[] = [];
  for (;;) {
    const sentence = haystack[below(haystack.length)];
    room -= countTokens(` ${sentence}`);
    if (room < 0) break;
    prose.push(sentence);
  }
  return place(prose, hidden, below);
}

/** Facts as they are hidden: one sentence, or for a chain two in their order. */
interface Hidden {
  readonly sentences: readonly string[];
  readonly question: string;
  readonly answerPrefix: string;
  readonly answer: string;
}

/** As many facts as can be told apart at a glance. */
const MAX_FACTS = 64;

function drawFacts(below: (limit: number) => number, count: number): Hidden[] {
  return distinct(count, () => heldOutWords[below(heldOutWords.length)]).map((word) => {
    const answer = drawNumber(below);
    const answerPrefix = `The special number for ${word} is`;
    const question = `What is the special number for ${word}?`;
    return { sentences: [`${answerPrefix} ${answer}.`], question, answerPrefix, answer };
  });
}

function drawChains(below: (limit: number) => number, count: number): Hidden[] {
  const letter = () => String.fromCharCode(65 + below(26));
  const names = distinct(2 * count, () => letter() + letter() + letter());
  return Array.from({ length: count }, (_, index) => {
    const [first, second] = [`VAR ${names[2 * index]}`, `VAR ${names[2 * index + 1]}`];
    const answer = drawNumber(below);
    return {
      sentences: [`${first} = ${answer}.`, `${second} = ${first}.`],
      question: `What is the value of ${second}?`,
      answerPrefix: `The value of ${second} is`,
      answer,
    };
  });
}

/** Five digits, divisible by seven: no such number was an answer in training. */
function drawNumber(below: (limit: number) => number): string {
  return String(7 * (1429 + below(12_857)));
}

function distinct(count: number, draw: () => string): string[] {
  const drawn = new Set<string>();
  while (drawn.size < count) drawn.add(draw());
  return [...drawn];
}

/** Puts the sentences at random places among the prose, those of one fact in their order. */
function place(prose: readonly string[], hidden: readonly Hidden[], below: (limit: number) => number): FactPrompt {
  const placed = hidden.flatMap(({ sentences }, fact) => {
    const places = sentences.map(() => below(prose.length + 1)).sort((one, other) => one - other);
    return sentences.map((sentence, index) => ({ sentence, fact, before: places[index] }));
  });
  const parts: string[] = [];
  const starts = new Map<number, number>();
  let characters = 0;
  for (let index = 0; index <= prose.length; index++) {
    for (const { sentence, fact } of placed.filter(({ before }) => before === index)) {
      if (!starts.has(fact)) starts.set(fact, characters);
      characters += parts[parts.push(sentence) - 1].length + 1;
    }
    if (index < prose.length) characters += parts[parts.push(prose[index]) - 1].length + 1;
  }
  const text = parts.join(" ");
  const facts = hidden.map(({ sentences, ...fact }, index) => (
    { ...fact, sentence: sentences[0], depth: starts.get(index)! / text.length }
  ));
  return { text, facts };
}
