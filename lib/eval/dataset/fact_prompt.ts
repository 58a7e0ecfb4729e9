import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import { MersenneTwister } from "../../numeric/mersenne_twister.ts";
import type { DatasetRow, RowTemplate } from "./dataset_row.ts";

/** What a prompt is drawn from. */
export interface FactPromptOptions {
  /** 42 by default. */
  readonly seed?: number;
  /** Facts in the text, spread evenly over it; 4 by default. */
  readonly facts?: number;
  /** Sentences of boilerplate around them; 36 by default, some 500 tokens. */
  readonly sentences?: number;
}

const FACT_PROMPT_OPTIONS: OptionNames<FactPromptOptions> = { seed: true, facts: true, sentences: true };

/** A fact in a prompt, and the question that asks for it. */
export interface Fact {
  /** What to ask. */
  readonly question: string;
  /** How an answer begins; the model says the rest. */
  readonly answerPrefix: string;
  /** What a right answer contains. */
  readonly answer: string;
  /** The sentence in the text. */
  readonly sentence: string;
  /** Where it begins: the share of the text's characters before it, in [0, 1). */
  readonly depth: number;
}

/** A text and what it says. */
export interface FactPrompt {
  /** The whole text. */
  readonly text: string;
  /** In the order of the text. */
  readonly facts: readonly Fact[];
}

const BOILERPLATE = [
  "The committee met again and read the minutes of the previous meeting.",
  "No objection was raised and the usual procedure was followed.",
  "Members are reminded to sign the attendance sheet before they leave.",
  "The next item was deferred until further notice.",
] as const;

const COLORS = ["red", "blue", "green", "white", "black", "yellow", "silver", "golden"] as const;
const PLACES = ["gate", "tower", "cellar", "garden", "bridge", "library", "harbour", "kitchen"] as const;

/** Facts that can be told apart: each has a place of its own. */
const MAX_FACTS = PLACES.length;

/**
 * Writes a text of repeated boilerplate with facts in it, a code of four digits for each of several places: the shape
 * of prompt that the original reports on (github.com/0xAshraFF/KVMirror), whose own was never published.
 *
 * @throws {RangeError} if there are no facts or more than {@linkcode MAX_FACTS}, or fewer sentences than facts
 *
 * @example
 * ```ts
 * import { factPrompt } from "kvmirror/eval";
 *
 * const { text, facts } = factPrompt({ seed: 7, facts: 4 });
 * console.log(text, facts[0].question, facts[0].answer);
 * ```
 */
export function factPrompt(options: FactPromptOptions = {}): FactPrompt {
  checkOptions("factPrompt", options, FACT_PROMPT_OPTIONS);
  const { seed = 42, facts = 4, sentences = 36 } = options;
  if (!Number.isSafeInteger(facts) || facts < 1 || facts > MAX_FACTS) {
    throw new RangeError(`Cannot write ${facts} facts as it must be a whole number from 1 to ${MAX_FACTS}`);
  }
  if (!Number.isSafeInteger(sentences) || sentences < facts) {
    throw new RangeError(`Cannot write ${sentences} sentences around ${facts} facts as each fact needs one`);
  }
  const stream = new MersenneTwister(seed);
  const below = (limit: number): number => Math.floor(stream.random() * limit);
  const colors = shuffled(COLORS, below);
  const drawn = shuffled(PLACES, below).slice(0, facts).map((place, index) => {
    const name = `${colors[index]} ${place}`;
    const code = String(1000 + below(9000));
    return {
      after: Math.floor((index + stream.random()) * sentences / facts),
      sentence: `The secret code of the ${name} is ${code}.`,
      question: `What is the secret code of the ${name}?`,
      answerPrefix: `The secret code of the ${name} is`,
      answer: code,
    };
  });
  const parts: string[] = [];
  const starts: number[] = [];
  for (let index = 0, length = 0; index < sentences; index++) {
    for (const { sentence } of drawn.filter(({ after }) => after === index)) {
      starts.push(length);
      length += parts[parts.push(sentence) - 1].length + 1;
    }
    length += parts[parts.push(BOILERPLATE[index % BOILERPLATE.length]) - 1].length + 1;
  }
  const text = parts.join(" ");
  return {
    text,
    facts: drawn.map(({ question, answerPrefix, answer, sentence }, index) => ({
      question,
      answerPrefix,
      answer,
      sentence,
      depth: starts[index] / text.length,
    })),
  };
}

/** Fisher and Yates's shuffle, of a copy. */
function shuffled<T>(items: readonly T[], below: (limit: number) => number): T[] {
  const copy = [...items];
  for (let last = copy.length - 1; last > 0; last--) {
    const other = below(last + 1);
    [copy[last], copy[other]] = [copy[other], copy[last]];
  }
  return copy;
}

/** How a fact is asked for. */
export interface FactRowOptions {
  /**
   * `chat` by default: the model's chat template stands around the text and the question, as kvpress has it. `none`: the
   * question follows the text raw, `Answer:` after it.
   */
  readonly template?: RowTemplate;
  /** Tokens after which an answer is cut; 8 by default, enough for a code and a full stop. */
  readonly maxNewTokens?: number;
}

const FACT_ROW_OPTIONS: OptionNames<FactRowOptions> = { template: true, maxNewTokens: true };

/**
 * A prompt with facts in it as a row of an evaluation: one of its facts is asked for.
 *
 * @param task what the row's scores go by
 * @param index of the fact, from 0
 * @throws {RangeError} if there is no such fact
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { factPrompt, factRow } from "kvmirror/eval";
 *
 * const prompt = factPrompt({ seed: 7 });
 * assertEquals(factRow("codes", prompt, 1).answer, [prompt.facts[1].answer]);
 * ```
 */
export function factRow(
  task: string,
  { text, facts }: FactPrompt,
  index = 0,
  options: FactRowOptions = {},
): DatasetRow {
  checkOptions("factRow", options, FACT_ROW_OPTIONS);
  const { template = "chat", maxNewTokens = 8 } = options;
  const fact = facts.at(index);
  if (fact === undefined || index < 0) {
    throw new RangeError(`Cannot ask for fact ${index} as the prompt has ${facts.length}`);
  }
  const question = `\n\nQuestion: ${fact.question}`;
  return {
    task,
    context: text,
    ...(template === "chat"
      ? { question, answer_prefix: `Answer: ${fact.answerPrefix}` }
      : { question: `${question}\nAnswer:`, answer_prefix: ` ${fact.answerPrefix}`, template }),
    answer: [fact.answer],
    max_new_tokens: maxNewTokens,
    depth: fact.depth,
  };
}

/**
 * A row of each prompt: the first prompt is asked for its first fact, the second for its second, and so on around.
 *
 * @param task what the rows' scores go by
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { factPrompt, factRows } from "kvmirror/eval";
 *
 * const prompts = [1, 2, 3].map((seed) => factPrompt({ seed, facts: 2 }));
 * const asked = factRows("codes", prompts).map(({ answer }) => answer[0]);
 * assertEquals(asked, [prompts[0].facts[0], prompts[1].facts[1], prompts[2].facts[0]].map(({ answer }) => answer));
 * ```
 */
export function factRows(task: string, prompts: readonly FactPrompt[], options: FactRowOptions = {}): DatasetRow[] {
  checkOptions("factRows", options, FACT_ROW_OPTIONS);
  return prompts.map((prompt, index) => factRow(task, prompt, index % prompt.facts.length, options));
}
