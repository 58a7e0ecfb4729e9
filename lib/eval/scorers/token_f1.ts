const PUNCTUATION = /[!"#$%&'()*+,\-./:;<=>?@[\\\]^_`{|}~]/g;
const ARTICLES = /(?<![\p{L}\p{N}_])(a|an|the)(?![\p{L}\p{N}_])/gu;

/**
 * SQuAD's F1 over words, in [0, 1]: the harmonic mean of precision and recall of the words that the answer shares with a
 * reference, the best over all references. Case, punctuation and the articles a, an and the do not count. LongBench and
 * InfiniteBench score questions so, and kvpress 0.5.5 after them.
 */
export function tokenF1(prediction: string, references: readonly string[]): number {
  return Math.max(...references.map((reference) => f1(words(prediction), words(reference))));
}

function words(text: string): string[] {
  return text.toLowerCase().replaceAll(PUNCTUATION, "").replaceAll(ARTICLES, " ").split(/\s+/).filter(Boolean);
}

function f1(said: readonly string[], wanted: readonly string[]): number {
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of said) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared++;
  }
  if (shared === 0) return 0;
  const [precision, recall] = [shared / said.length, shared / wanted.length];
  return (2 * precision * recall) / (precision + recall);
}
