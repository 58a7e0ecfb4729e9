/** A pre-tokenizer's part of tokenizer.json. */
export type PreTokenizer = Readonly<Record<string, unknown>>;

/** GPT-2's division of a text into words, as `ByteLevel` applies it. */
export const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** Each match is a piece, and so is each stretch between matches. */
export function splitAt(pattern: string): PreTokenizer {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/** Applies pre-tokenizers in turn. */
export function inSequence(...steps: readonly PreTokenizer[]): PreTokenizer {
  return { type: "Sequence", pretokenizers: steps };
}

/** Spells bytes as printable characters, without dividing the text. */
export const BYTE_LEVEL: PreTokenizer = {
  type: "ByteLevel",
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: false,
};
