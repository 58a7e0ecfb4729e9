import type { Draw } from "./draw.ts";
import { bookVocabulary } from "./haystack.ts";
import type { TaskDefinition } from "./task_definition.ts";

/** Words that are common. */
const COMMON = 10;
/** Below so many tokens, RULER repeats words less often. */
const LONG = 4096;

/** Which ten words of a numbered list come most often, after a solved example: RULER's `common_words_extraction.py`. */
export const commonWords: TaskDefinition = {
  leastSize: COMMON + 1,
  write: (draw, { size, length }) => {
    const example = length < LONG ? writeList(draw, 20, 3, 1) : writeList(draw, 40, 10, 3);
    const list = length < LONG ? writeList(draw, size, 6, 1) : writeList(draw, size, 30, 3);
    const solved = `${example.context}${QUESTION}${PREFIX} ${numbered(example.common)}\n`;
    return {
      context: solved + list.context,
      question: QUESTION,
      answer_prefix: PREFIX,
      answer: list.common,
      max_new_tokens: 120,
    };
  },
};

const QUESTION = "Question: What are the 10 most common words in the above list? ";
const PREFIX = "Answer: The top 10 words that appear most often in the list are:";

function writeList(
  draw: Draw,
  size: number,
  commonRepeats: number,
  otherRepeats: number,
): { context: string; common: string[] } {
  const words = draw.sample(bookVocabulary(), size);
  const repeats = (index: number) => index < COMMON ? commonRepeats : otherRepeats;
  const list = draw.shuffled(words.flatMap((word, index) => Array<string>(repeats(index)).fill(word)));
  return {
    context: "Below is a numbered list of words. In these words, some appear more often than others. " +
      `Memorize the ones that appear most often.\n${numbered(list)}\n`,
    common: words.slice(0, COMMON),
  };
}

function numbered(words: readonly string[]): string {
  return words.map((word, index) => `${index + 1}. ${word}`).join(" ");
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
/** The exponent of the words' frequencies, and Riemann's zeta of it. */
const ALPHA = 2;
const ZETA = Math.PI ** 2 / 6;

/**
 * Which three made-up words come most often, where the n-th comes in proportion to n⁻²; the most frequent is `...` and
 * does not count: RULER's `freq_words_extraction.py`.
 */
export const frequentWords: TaskDefinition = {
  leastSize: 64,
  write: (draw, { size, length }) => {
    const words = draw.distinct(Math.max(8, Math.floor(length / 50)), () => draw.letters(LETTERS, 6));
    words[0] = "...";
    const times = (rank: number) => Math.floor((size * rank ** -ALPHA) / ZETA);
    const text = draw.shuffled(words.flatMap((word, index) => Array<string>(times(index + 1)).fill(word)));
    return {
      context: "Read the following coded text and track the frequency of each coded word. " +
        `Find the three most frequently appeared coded words. ${text.join(" ")}\n`,
      question: "Question: Do not provide any explanation. Please ignore the dots '....'. " +
        "What are the three most frequently appeared words in the above coded text? ",
      answer_prefix: "Answer: According to the coded text above, the three most frequently appeared words are:",
      answer: words.slice(1, 4),
      max_new_tokens: 50,
    };
  },
};
