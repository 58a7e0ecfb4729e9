import { mean } from "../../numeric/mean.ts";
import { percent } from "../table/number_format.ts";

/** A text's heading and pieces, as they are drawn. */
export interface RetentionSection {
  readonly heading: string;
  readonly pieces: readonly RetentionPiece[];
}

/** What HTML and SVG are drawn from. */
export interface RetentionDrawing {
  readonly title: string;
  readonly description: string;
  readonly subtitle?: string;
  readonly sections: readonly RetentionSection[];
}

/** The shares that the legend shows. */
export const LEGEND_SHARES: readonly number[] = [0, 0.25, 0.5, 0.75, 1];

/** What the legend says. */
export const LEGEND_TEXT =
  "Share of kv heads that still hold a token; the line under it is as long as that share. Struck out: gone from all.";

/** A token of a text, and the share of kv heads that still hold it. */
export interface RetainedToken {
  /** As the text has it, spaces and line ends included; empty where it only begins a character. */
  readonly text: string;
  /** In [0, 1]. */
  readonly retention: number;
}

/** The shortest segment of text that can be shown: a token, or the tokens that spell one character together. */
export interface RetentionPiece {
  /** What is seen of it, line by line: each but the last ends its line. */
  readonly lines: readonly string[];
  /** Mean over its tokens. */
  readonly retention: number;
  /** What it is, in words. */
  readonly title: string;
}

/**
 * Puts tokens together until each piece has a text, and makes their spaces and line ends visible.
 *
 * @throws {RangeError} if there is no text, or a share is not in [0, 1]
 */
export function retentionPieces(tokens: readonly RetainedToken[]): RetentionPiece[] {
  if (tokens.every(({ text }) => text === "")) {
    throw new RangeError(
      `Cannot color a text of ${tokens.length} tokens as it is empty: give at least one with a text`,
    );
  }
  const pieces: RetentionPiece[] = [];
  let first = 0;
  tokens.forEach(({ text, retention }, index) => {
    if (!(retention >= 0 && retention <= 1)) {
      throw new RangeError(`Cannot color token ${index} by a retention of ${retention} as it must be in [0, 1]`);
    }
    if (text === "") return;
    const own = tokens.slice(first, index + 1);
    const share = mean(own.map((token) => token.retention));
    const name = own.length === 1 ? `token ${index}` : `tokens ${first} to ${index}`;
    pieces.push({
      lines: visibleLines(text),
      retention: share,
      title: `${name}: held by ${percent(1)(share)} of kv heads`,
    });
    first = index + 1;
  });
  return pieces;
}

/** What is seen of one token: its spaces and line ends shown, and a mark for one that only begins a character. */
export function shownToken(text: string): string {
  return text === "" ? PART : visibleLines(text).join("\n");
}

function visibleLines(text: string): string[] {
  const lines = text.split("\n");
  return lines.map((line, index) => {
    const shown = /^ +$/.test(line) ? SPACE.repeat(line.length) : visibleText(line);
    return index < lines.length - 1 ? shown + LINE_END : shown;
  });
}

/** Stands for the end of a line. */
export const LINE_END = "¶";

/** Stands for a token that spells no character by itself. */
const PART = "◌";

/** Stands for each space of a text that is nothing but spaces. */
const SPACE = "·";

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
