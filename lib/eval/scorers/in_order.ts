/**
 * How far an answer goes right: the share of the references that it says one after the other, from where it first says
 * the first of them, until it says something else. Words count, marks between them do not. In [0, 1].
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { SCORERS } from "kvmirror/eval";
 *
 * const { score } = SCORERS.in_order;
 * assertEquals(score("The list: one, two, four", ["one", "two", "three", "four"], { task: "repeat" }), 0.5);
 * ```
 */
export function inOrder(prediction: string, references: readonly string[]): number {
  const said = wordsOf(prediction);
  const wanted = references.map(wordsOf);
  const says = (words: readonly string[], at: number) => words.every((word, index) => said[at + index] === word);
  let at = said.findIndex((_, start) => says(wanted[0], start));
  if (at < 0) return 0;
  const wrong = wanted.findIndex((words) => {
    if (!says(words, at)) return true;
    at += words.length;
    return false;
  });
  return (wrong < 0 ? wanted.length : wrong) / wanted.length;
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}
