import type { SurvivalPiece } from "./survival_pieces.ts";
import { textWidth } from "./text_width.ts";

/** Pixels of the letters that lines are laid out for. */
export const FONT_SIZE = 13;

/** Pixels between two boxes: tokens inside a word stay one word to the eye. */
export const GAP = 1;

/** A piece's part on one line. */
export interface SurvivalPart {
  readonly text: string;
  readonly piece: SurvivalPiece;
  readonly width: number;
  /** A line ends after it. */
  readonly ends: "line" | "nothing";
}

/** Breaks lines before words, as a word may be several tokens; a word that is wider than a line is cut. */
export function survivalLines(pieces: readonly SurvivalPiece[], width: number): SurvivalPart[][] {
  const lines: SurvivalPart[][] = [[]];
  let left = width;
  const place = (part: SurvivalPart): void => {
    lines.at(-1)!.push(part);
    left -= part.width;
    if (part.ends === "line") breakLine();
  };
  const breakLine = (): void => {
    lines.push([]);
    left = width;
  };
  for (const word of wordsOf(pieces.flatMap(partsOf))) {
    const wordWidth = word.reduce((sum, part) => sum + part.width, 0);
    if (wordWidth > left && wordWidth <= width && left < width) breakLine();
    for (const part of word) {
      for (const cut of part.width > width ? cutPart(part, width) : [part]) {
        if (cut.width > left) breakLine();
        place(cut);
      }
    }
  }
  return lines.at(-1)!.length === 0 ? lines.slice(0, -1) : lines;
}

function partsOf(piece: SurvivalPiece): SurvivalPart[] {
  return piece.lines.flatMap((text, index): SurvivalPart[] => {
    const ends = index < piece.lines.length - 1 ? "line" : "nothing";
    return text === "" ? [] : [{ text, piece, width: textWidth(text, FONT_SIZE) + GAP, ends }];
  });
}

function wordsOf(parts: readonly SurvivalPart[]): SurvivalPart[][] {
  const words: SurvivalPart[][] = [];
  for (const [index, part] of parts.entries()) {
    const goesOn = index > 0 && parts[index - 1].ends === "nothing" && !/^[\s·]/.test(part.text);
    if (goesOn) words.at(-1)!.push(part);
    else words.push([part]);
  }
  return words;
}

function cutPart(part: SurvivalPart, width: number): SurvivalPart[] {
  const cuts: string[] = [""];
  for (const character of part.text) {
    if (textWidth(cuts.at(-1)! + character, FONT_SIZE) + GAP > width) cuts.push("");
    cuts[cuts.length - 1] += character;
  }
  return cuts.map((text, index) => ({
    ...part,
    text,
    width: textWidth(text, FONT_SIZE) + GAP,
    ends: index === cuts.length - 1 ? part.ends : "nothing",
  }));
}
