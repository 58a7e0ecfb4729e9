import { namedText, passageOf, type TextName } from "../texts.ts";
import type { Draw } from "./draw.ts";

/** What noise repeats, in RULER's words. */
export const NOISE = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";

/** RULER's depths: 40 places from the beginning to the end, in percent. */
const DEPTHS = Array.from({ length: 40 }, (_, index) => Math.round((100 * index) / 39));

const SENTENCE_END = /(?<=[.!?]["'”’)]?) (?=["'“‘(]?[A-Z])/;

let vocabulary: readonly string[] | undefined;

/** The different words of Moby-Dick of four to nine small letters, in the order of the alphabet. */
export function bookVocabulary(): readonly string[] {
  return vocabulary ??= [...new Set(namedText("novel").pieces.filter((word) => /^[a-z]{4,9}$/.test(word)))].sort();
}

/** So many words of a text in a row, from the beginning of a sentence. */
export function passage(draw: Draw, name: TextName, count: number): string {
  const text = namedText(name);
  return passageOf(text, draw.below(text.pieces.length), count);
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
