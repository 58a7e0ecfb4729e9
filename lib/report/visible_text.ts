/** Stands for the end of a line. */
export const LINE_END = "¶";

/** Stands for each space of a text that is nothing but spaces. */
export const SPACE = "·";

// Control characters, those that turn the direction of a text, and what XML cannot hold.
const INVISIBLE = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufffe\uffff]/gu;

/**
 * A line of text as it can be shown in HTML and SVG: characters that would not be seen, would turn what is around them
 * or may not stand there are spelled as JavaScript spells them (`\x07`), halves of characters become U+FFFD.
 */
export function visibleText(text: string): string {
  return text.toWellFormed().replaceAll(INVISIBLE, (character) => {
    if (character === "\t") return "\\t";
    if (character === "\r") return "\\r";
    const code = character.codePointAt(0)!;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  });
}
