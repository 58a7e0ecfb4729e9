/** A pre-tokenizer's part of tokenizer.json. */
export type PreTokenizer = Readonly<Record<string, unknown>>;

/** GPT-2's division of a text into words, as `ByteLevel` applies it. */
export const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;

/** Splits a text at a pattern: each match is a piece, and so is each text between matches. */
export function splitAt(pattern: string): PreTokenizer {
  return { type: "Split", pattern: { Regex: pattern }, behavior: "Isolated", invert: false };
}

/** Applies pre-tokenizers one after the other. */
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

/** GPT-2's spelling of the 256 bytes: printable Latin-1 stands for itself, the others follow from U+0100 on. */
export function byteCharacters(): string[] {
  const printable = (byte: number) =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}
