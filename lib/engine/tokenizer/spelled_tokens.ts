/** A range of a text: from the first character to before the second. */
export type Spelled = readonly [start: number, end: number];

/** The parts of tokenizer.json's `added_tokens` that count here. */
interface AddedToken {
  readonly content: string;
  readonly special?: unknown;
}

type Encode = (text: string) => number[];

/** The ids of a text in parts of which special tokens are spelled; undefined where none stands there. */
export type Spelling = (text: string, spelled: readonly Spelled[]) => number[] | undefined;

/**
 * Makes the encoder of texts in which some special tokens count and others do not. The reference has one switch for a
 * whole text (`encode_special_tokens`). Here the tokens that count go by names that no text can hold, which a tokenizer of
 * its own, made when it is first needed, has in place of them.
 *
 * @param added tokenizer.json's `added_tokens`
 * @param encoderOf makes the encoder of a tokenizer with other `added_tokens`
 */
export function createSpelling(added: unknown, encoderOf: (added: readonly unknown[]) => Encode): Spelling {
  const tokens = (Array.isArray(added) ? added : []) as readonly AddedToken[];
  const names = new Map(
    tokens.flatMap(({ content, special }, index) =>
      special === true && content !== "" ? [[content, nameOf(index)]] : []
    ),
  );
  let encode: Encode | undefined;
  return (text, spelled) => {
    const contents = [...names.keys()];
    if (!spelled.some((range) => holdsOne(text, range, contents))) return undefined;
    encode ??= encoderOf(
      tokens.map((token) => names.has(token.content) ? { ...token, content: names.get(token.content)! } : token),
    );
    return encode(renamed(text, spelled, names));
  };
}

/** A name of surrogates that have no other: no text in UTF-8 holds one, and those of other texts become U+FFFD. */
function nameOf(index: number): string {
  return `\udc00${index}\ud800`;
}

/** Whether a special token stands in a range, or reaches into it. */
function holdsOne(text: string, [start, end]: Spelled, contents: readonly string[]): boolean {
  for (const content of contents) {
    const at = text.indexOf(content, Math.max(0, start - content.length + 1));
    if (at >= 0 && at < end && at + content.length > start) return true;
  }
  return false;
}

/** The text with names in place of the special tokens outside the ranges. */
function renamed(text: string, spelled: readonly Spelled[], names: ReadonlyMap<string, string>): string {
  const longestFirst = [...names.keys()].sort((one, other) => other.length - one.length);
  const pattern = new RegExp(
    longestFirst.map((content) => content.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&")).join("|"),
    "g",
  );
  const recognized = (part: string) => part.toWellFormed().replaceAll(pattern, (content) => names.get(content)!);
  let [whole, last] = ["", 0];
  for (const [start, end] of spelled.filter(([start, end]) => end > start).sort(([one], [other]) => one - other)) {
    whole += recognized(text.slice(last, start)) + text.slice(start, end).toWellFormed();
    last = end;
  }
  return whole + recognized(text.slice(last));
}
