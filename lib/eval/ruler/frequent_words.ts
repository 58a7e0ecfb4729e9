import type { TaskDefinition } from "./task_definition.ts";

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
