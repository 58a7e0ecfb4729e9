const LAST_LETTER_OF_A_LINE = /\b[A-D]\b(?!.*\b[A-D]\b)/;
const LETTERS = "ABCD";
const PREFIXES = ["answer is:", "answer:", "answer is", "option is"];

/**
 * Whether the right one of several options was chosen, in [0, 1], as kvpress 0.5.5 reads it.
 *
 * A row with `all_classes` is scored as LongBench's classification: 1 over the number of classes that the answer names,
 * 0 where the right one is not among them. Other rows have the options A to D, as InfiniteBench's multiple choice: the
 * letter that stands alone in the answer counts, else an option's own text.
 */
export function choice(
  prediction: string,
  references: readonly string[],
  { all_classes: classes }: { readonly all_classes?: readonly string[] },
): number {
  if (classes === undefined || classes.length === 0) return Number(choseOption(prediction.trim(), references));
  return Math.max(...references.map((reference) => classScore(prediction, reference, classes)));
}

function classScore(prediction: string, reference: string, classes: readonly string[]): number {
  const named = classes.filter((name) => prediction.includes(name));
  // A class whose name is a part of the right one's is named with it. LongBench removes while it goes on, so the class
  // after a removed one stays unlooked at: kept, so that scores are the same.
  for (let index = 0; index < named.length; index++) {
    if (reference.includes(named[index]) && named[index] !== reference) named.splice(named.indexOf(named[index]), 1);
  }
  return named.includes(reference) ? 1 / named.length : 0;
}

function choseOption(said: string, references: readonly string[]): boolean {
  const [letter] = LAST_LETTER_OF_A_LINE.exec(said) ?? [];
  if (letter !== undefined && references.includes(letter)) return true;
  if (said === "") return false;
  if (LETTERS.includes(said[0])) return references.includes(said[0]);
  if (references.includes(said)) return true;
  const plain = said.replaceAll(/[\n"'.,?!{}]/g, " ").replaceAll(/ {2,}/g, " ");
  for (const prefix of PREFIXES) {
    const start = plain.indexOf(prefix);
    if (start < 0) continue;
    const answer = plain.slice(start + prefix.length + 1);
    return answer !== "" && references.some((reference) => answer.startsWith(reference));
  }
  const first = plain.split(/\s+/).find((word) => word !== "" && LETTERS.includes(word));
  return first !== undefined && references.includes(first);
}
