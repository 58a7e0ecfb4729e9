import { mobyDick } from "../moby_dick.ts";
import type { Draw } from "./draw.ts";

/** What noise repeats, in RULER's words. */
export const NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

/** RULER's depths: 40 places from the beginning to the end, in percent. */
const DEPTHS = Array.from({ length: 40 }, (_, index) => Math.round((100 * index) / 39));

const SENTENCE_END = /(?<=[.!?]["'”’)]?) (?=["'“‘(]?[A-Z])/;

let words: readonly string[] | undefined;
let vocabulary: readonly string[] | undefined;

/** The words of Moby-Dick in their order. */
function bookWords(): readonly string[] {
  return words ??= mobyDick().join(" ").split(" ");
}

/** The different words of Moby-Dick of four to nine small letters, in the order of the alphabet. */
export function bookVocabulary(): readonly string[] {
  return vocabulary ??= [...new Set(bookWords().filter((word) => /^[a-z]{4,9}$/.test(word)))].sort();
}

/** So many words of Moby-Dick in a row, from the beginning of a sentence; the book begins again after its end. */
export function passage(draw: Draw, count: number): string {
  const book = bookWords();
  let start = draw.below(book.length);
  while (!/[.!?]$/.test(book.at(start - 1)!)) start = (start + 1) % book.length;
  return Array.from({ length: count }, (_, index) => book[(start + index) % book.length]).join(" ");
}

/** Puts needles between the sentences of a text, each at one of RULER's depths, in their order. */
export function hideInText(text: string, needles: readonly string[], draw: Draw): string {
  const sentences = text.split(SENTENCE_END);
  const places = draw.sample(DEPTHS, needles.length)
    .map((depth) => Math.floor((sentences.length * depth) / 100))
    .sort((one, other) => one - other);
  return hide(sentences, needles, places).join(" ");
}

/** Puts needles among lines at random places, in their order. */
export function hideAmongLines(lines: readonly string[], needles: readonly string[], draw: Draw): string {
  const places = draw.sample([...lines.keys()], needles.length).sort((one, other) => one - other);
  return hide(lines, needles, places).join("\n");
}

function hide(parts: readonly string[], needles: readonly string[], places: readonly number[]): string[] {
  const whole = [...parts];
  needles.forEach((needle, index) => whole.splice(places[index] + index, 0, needle));
  return whole;
}
