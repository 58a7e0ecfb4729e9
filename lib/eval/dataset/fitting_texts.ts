import { checkOptions, type OptionNames } from "../../numeric/nearest_name.ts";
import type { Tokenizer } from "../../engine/mod.ts";
import { Draw } from "./tasks/draw.ts";
import { fitSize } from "./tasks/generate_rows.ts";
import { namedText, passageOf, prose } from "./texts.ts";

/** Options of {@linkcode fittingTexts}. */
export interface FittingTextsOptions {
  /** Tokens of a passage at most; 1,024 by default. */
  readonly length?: number;
  /** Passages of each text that says no number of its own; 12 by default. */
  readonly samples?: number;
  /** 9101 by default. */
  readonly seed?: number;
}

const FITTING_TEXTS_OPTIONS: OptionNames<FittingTextsOptions> = { length: true, samples: true, seed: true };

/** A text that passages to fit something to are taken from. */
export interface FittingSource {
  /** Of {@linkcode TEXT_NAMES} where no text is given. */
  readonly name: string;
  /** The text itself, where it is a user's own. */
  readonly text?: string;
  /** Passages of it, where it is not as many as of the others. */
  readonly samples?: number;
}

/**
 * Passages to fit something of a model to, as long as a model's own tokens make them. Nothing is hidden in them.
 *
 * @throws {RangeError} if there is no such text, no passage of it is asked for, or the length holds none
 */
export function fittingTexts(
  tokenizer: Pick<Tokenizer, "encode">,
  sources: readonly FittingSource[],
  options: FittingTextsOptions = {},
): string[] {
  checkOptions("fittingTexts", options, FITTING_TEXTS_OPTIONS);
  const { length = 1024, samples = 12, seed = 9101 } = options;
  return sources.flatMap(({ name, text: own, samples: count = samples }) => {
    if (!(count >= 1)) throw new RangeError(`Cannot fit to ${count} passages of ${name} as it must be 1 or more`);
    const text = own === undefined ? namedText(name) : prose([own]);
    if (text.pieces.length < 2) throw new RangeError(`Cannot fit to ${name} as it holds ${text.pieces.length} words`);
    return Array.from({ length: count }, (_, index) => {
      const from = new Draw(`${name}/${seed}/${index}`).below(text.pieces.length);
      const size = fitSize((pieces) => tokenizer.encode(passageOf(text, from, pieces)).length, length, 1);
      if (size === undefined) throw new RangeError(`Cannot take a passage of ${name} in ${length} tokens: give more`);
      return passageOf(text, from, size);
    });
  });
}
