import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { Draft } from "./speculative_decoder.ts";

/** Options of {@linkcode promptLookup}. */
export interface PromptLookupOptions {
  /** The longest run of newest tokens that is looked up; 3 by default. */
  readonly longest?: number;
  /** The shortest run that is looked up; 2 by default. */
  readonly shortest?: number;
  /** Tokens of a draft; 8 by default. */
  readonly length?: number;
}

const PROMPT_LOOKUP_OPTIONS: OptionNames<PromptLookupOptions> = { longest: true, shortest: true, length: true };

/**
 * Drafts by prompt lookup decoding (Saxena 2023, https://github.com/apoorvumang/prompt-lookup-decoding): the tokens
 * that followed the latest earlier occurrence of the newest tokens. It saves time where an answer repeats its text, as
 * in quoting, extracting and editing.
 *
 * @throws {RangeError} if a number is not whole or below 1, or `longest` is below `shortest`
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { promptLookup } from "kvmirror/engine";
 *
 * const draft = promptLookup({ length: 2 });
 * assertEquals(draft([1, 2], [1, 2, 3, 4, 5, 9]), [3, 4]);
 * ```
 */
export function promptLookup(options: PromptLookupOptions = {}): Draft {
  checkOptions("promptLookup", options, PROMPT_LOOKUP_OPTIONS);
  const { longest = 3, shortest = 2, length = 8 } = options;
  for (
    const [name, value, least] of [["longest", longest, shortest], ["shortest", shortest, 1], ["length", length, 1]]
  ) {
    if (Number.isSafeInteger(value) && value >= least) continue;
    throw new RangeError(`Cannot look up with ${name} ${value} as it must be a whole number of at least ${least}`);
  }
  return (generated, before) => {
    const text = [...before, ...generated];
    for (let size = Math.min(longest, text.length - 1); size >= shortest; size--) {
      const newest = text.length - size;
      for (let start = newest - 1; start >= 0; start--) {
        let same = 0;
        while (same < size && text[start + same] === text[newest + same]) same++;
        if (same === size) return text.slice(start + size, start + size + length);
      }
    }
    return [];
  };
}
