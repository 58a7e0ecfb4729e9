/** Words in a row that two texts share only where one is taken from the other, or both from a third. */
const SHINGLE_WORDS = 6;

/**
 * The share of a text's shingles, six words in a row without case and punctuation, that may stand in a scored text. Speeches
 * and source code share at most 0.14 % of those of a page with a novel; a page with a needle of RULER and its
 * instruction 3 %.
 */
const MOST_SHARED = 0.01;

/**
 * Refuses texts to fit on that overlap with texts that are scored (Broder 1997, resemblance by shingles).
 *
 * @param texts what something is fitted to
 * @param scored what it is judged by later
 * @throws {RangeError} if more than one shingle in a hundred of a text stands in a scored one; quotes the first
 *
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { checkNoOverlap } from "kvmirror/eval";
 *
 * checkNoOverlap(["The ship came home in spring."], ["Nobody had seen the harbour since the war."]);
 * const text = "Nobody had seen the harbour since the war.";
 * assertThrows(() => checkNoOverlap([text], [text]), RangeError, "nobody had seen the harbour since");
 * ```
 */
export function checkNoOverlap(texts: readonly string[], scored: readonly string[]): void {
  const seen = new Set(scored.flatMap(shingles));
  texts.forEach((text, index) => {
    const own = shingles(text);
    const shared = own.filter((shingle) => seen.has(shingle));
    if (shared.length <= MOST_SHARED * own.length) return;
    const percent = (100 * shared.length / own.length).toFixed(1);
    throw new RangeError(
      `Cannot fit to text ${
        index + 1
      } as it shares ${percent} % of its runs of ${SHINGLE_WORDS} words with texts that are ` +
        `scored, at most ${100 * MOST_SHARED} % may be: "${shared[0]}". Give another text`,
    );
  });
}

function shingles(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.slice(SHINGLE_WORDS - 1).map((_, first) => words.slice(first, first + SHINGLE_WORDS).join(" "));
}
