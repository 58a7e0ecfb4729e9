import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { Tokenizer } from "../../engine/mod.ts";
import { Draw } from "./tasks/draw.ts";
import { fitSize } from "./tasks/generate_rows.ts";
import { namedText, passageOf, prose, type TextName } from "./texts.ts";

/** Options of {@linkcode fittingTexts}. */
export interface FittingTextsOptions {
  /** Tokens of a passage at most; 1,024 by default. */
  readonly length?: number;
  /** Passages of each text; 12 by default. */
  readonly samples?: number;
  /** 9101 by default. */
  readonly seed?: number;
}

const FITTING_TEXTS_OPTIONS: OptionNames<FittingTextsOptions> = { length: true, samples: true, seed: true };

/** A text to fit something to: the name of one that comes with the packages, or a user's own. */
export type FittingSource = TextName | { readonly name: string; readonly text: string };

/**
 * Passages to fit something of a model to, as long as a model's own tokens make them. Nothing is hidden in them.
 *
 * @param sources that the passages are from, as many of each
 * @throws {RangeError} if there is no such text, or the length holds no passage
 */
export function fittingTexts(
  tokenizer: Pick<Tokenizer, "encode">,
  sources: readonly FittingSource[],
  options: FittingTextsOptions = {},
): string[] {
  checkOptions("fittingTexts", options, FITTING_TEXTS_OPTIONS);
  const { length = 1024, samples = 12, seed = 9101 } = options;
  return sources.flatMap((source) => {
    const name = typeof source === "string" ? source : source.name;
    const text = typeof source === "string" ? namedText(source) : prose([source.text]);
    if (text.pieces.length < 2) throw new RangeError(`Cannot fit to ${name} as it holds ${text.pieces.length} words`);
    return Array.from({ length: samples }, (_, index) => {
      const from = new Draw(`${name}/${seed}/${index}`).below(text.pieces.length);
      const size = fitSize((count) => tokenizer.encode(passageOf(text, from, count)).length, length, 1);
      if (size === undefined) throw new RangeError(`Cannot take a passage of ${name} in ${length} tokens: give more`);
      return passageOf(text, from, size);
    });
  });
}
