/** Keeps a score of nothing from being 0/0; the package `rouge` adds it too. */
const EPSILON = 1e-8;

/**
 * ROUGE-L at summary level (Lin 2004, https://aclanthology.org/W04-1013), in [0, 1]: F1 of the longest common
 * subsequences of the answer's sentences with each sentence of a reference, the best over all references. Sentences end
 * at full stops and every word counts once, as in the package `rouge` 1.0.1, which kvpress 0.5.5 calls.
 */
export function rougeL(prediction: string, references: readonly string[]): number {
  return Math.max(...references.map((reference) => summaryF1(sentences(prediction), sentences(reference))));
}

/** The words of each sentence. */
function sentences(text: string): string[][] {
  return text.split(".").filter(({ length }) => length > 0).map((sentence) => sentence.trim().split(/\s+/));
}

function summaryF1(said: readonly (readonly string[])[], wanted: readonly (readonly string[])[]): number {
  if (said.length === 0 || wanted.length === 0) return 0;
  const union = new Set(
    wanted.flatMap((reference) => said.flatMap((sentence) => longestCommonSubsequence(reference, sentence))),
  );
  const recall = union.size / new Set(wanted.flat()).size;
  const precision = union.size / new Set(said.flat()).size;
  return (2 * precision * recall) / (precision + recall + EPSILON);
}

/** Of several that are as long, the one that `rouge` finds: where both ways are as good it goes on in `other`. */
function longestCommonSubsequence(words: readonly string[], other: readonly string[]): string[] {
  const width = other.length + 1;
  const lengths = new Uint32Array((words.length + 1) * width);
  for (let row = 1; row <= words.length; row++) {
    for (let column = 1; column <= other.length; column++) {
      const at = row * width + column;
      lengths[at] = words[row - 1] === other[column - 1]
        ? lengths[at - width - 1] + 1
        : Math.max(lengths[at - width], lengths[at - 1]);
    }
  }
  const found: string[] = [];
  let [row, column] = [words.length, other.length];
  while (row > 0 && column > 0) {
    if (words[row - 1] === other[column - 1]) {
      found.push(words[row - 1]);
      row--;
      column--;
    } else if (lengths[(row - 1) * width + column] > lengths[row * width + column - 1]) row--;
    else column--;
  }
  return found;
}
