import { escapeHtml } from "../render/escape.ts";
import { FONT_FAMILY, type FontWeight, textWidth } from "../render/font.ts";
import { rampColor } from "../render/palette.ts";
import { LEGEND_SHARES, LEGEND_TEXT, type RetentionDrawing, type RetentionPiece, visibleText } from "./pieces.ts";

const PADDING = 12;
const LINE_HEIGHT = 23;
const BOX_HEIGHT = 20;
/** Of the letters' feet below the top of a box. */
const BASELINE = 14;
const GAUGE = 2;

/** Draws texts colored by retention as SVG: the same bytes for the same texts. */
export function retentionSvg({ title, subtitle, description, sections }: RetentionDrawing, width: number): string {
  const drawn: string[] = [];
  let y = PADDING;
  const heading = (text: string, size: number, weight: FontWeight, color = "#222222"): void => {
    for (const line of wrapWords(text, width, size, weight)) {
      y += size + 5;
      const bold = weight === "bold" ? ` font-weight="bold"` : "";
      drawn.push(
        `<text x="${PADDING}" y="${y - 3}" font-size="${size}"${bold} fill="${color}">${escape(line)}</text>`,
      );
    }
  };
  heading(title, 15, "bold", "#000000");
  if (subtitle !== undefined) heading(subtitle, 12, "regular", "#444444");
  y += 8;
  drawn.push(legend(y));
  y += LINE_HEIGHT;
  heading(LEGEND_TEXT, 12, "regular", "#444444");
  for (const section of sections) {
    y += 10;
    heading(section.heading, FONT_SIZE, "bold");
    y += 5;
    for (const line of retentionLines(section.pieces, width)) {
      let x = PADDING;
      for (const part of line) {
        drawn.push(drawPart(part, x, y));
        x += part.width;
      }
      y += LINE_HEIGHT;
    }
  }
  const [fullWidth, height] = [width + 2 * PADDING, Math.ceil(y + PADDING)];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${fullWidth}" height="${height}" ` +
    `viewBox="0 0 ${fullWidth} ${height}" role="img" xml:space="preserve" font-family="${FONT_FAMILY}">`,
    `<title>${escape(title)}</title>`,
    `<desc>${escape(description)}</desc>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    ...drawn,
    `</svg>\n`,
  ].join("\n");
}

/** The legend is drawn as tokens are. */
function legend(y: number): string {
  return LEGEND_SHARES.map((retention, index) => {
    const text = `${100 * retention} %`;
    const piece = { lines: [text], retention, title: text };
    return drawPart({ text, piece, width: 56, ends: "nothing" }, PADDING + 60 * index, y);
  }).join("\n");
}

function drawPart({ text, piece, width }: RetentionPart, x: number, y: number): string {
  const { fill, ink } = rampColor(piece.retention);
  const inside = width - GAP;
  const shapes = [rectangle(x, y, inside, BOX_HEIGHT, fill)];
  if (text.trim() !== "") {
    shapes.push(
      `<text x="${round(x)}" y="${y + BASELINE}" font-size="${FONT_SIZE}" fill="${ink}">${escapeHtml(text)}</text>`,
    );
  }
  if (piece.retention > 0) {
    shapes.push(rectangle(x, y + BOX_HEIGHT - GAUGE - 1, inside * piece.retention, GAUGE, ink));
  } else {
    const spaces = textWidth(text.slice(0, text.length - text.trimStart().length), FONT_SIZE);
    shapes.push(rectangle(x + spaces, y + BASELINE - 5, inside - spaces, 1, ink));
  }
  return `<g><title>${escape(piece.title)}</title>${shapes.join("")}</g>`;
}

function rectangle(x: number, y: number, width: number, height: number, fill: string): string {
  return `<rect x="${round(x)}" y="${y}" width="${round(width)}" height="${height}" fill="${fill}"/>`;
}

function wrapWords(text: string, width: number, size: number, weight: FontWeight): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = lines.at(-1) === "" ? word : `${lines.at(-1)} ${word}`;
    if (lines.at(-1) !== "" && textWidth(longer, size, weight) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function escape(text: string): string {
  return escapeHtml(visibleText(text));
}

function round(number: number): number {
  return Math.round(number * 100) / 100;
}

/** Pixels of the letters that lines are laid out for. */
const FONT_SIZE = 13;

/** Pixels between two boxes: tokens inside a word stay one word to the eye. */
const GAP = 1;

/** A piece's part on one line. */
export interface RetentionPart {
  readonly text: string;
  readonly piece: RetentionPiece;
  readonly width: number;
  /** A line ends after it. */
  readonly ends: "line" | "nothing";
}

/** Breaks lines before words, as a word may be several tokens; a word that is wider than a line is cut. */
function retentionLines(pieces: readonly RetentionPiece[], width: number): RetentionPart[][] {
  const lines: RetentionPart[][] = [[]];
  let left = width;
  const place = (part: RetentionPart): void => {
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

function partsOf(piece: RetentionPiece): RetentionPart[] {
  return piece.lines.flatMap((text, index): RetentionPart[] => {
    const ends = index < piece.lines.length - 1 ? "line" : "nothing";
    return text === "" ? [] : [{ text, piece, width: textWidth(text, FONT_SIZE) + GAP, ends }];
  });
}

function wordsOf(parts: readonly RetentionPart[]): RetentionPart[][] {
  const words: RetentionPart[][] = [];
  for (const [index, part] of parts.entries()) {
    const goesOn = index > 0 && parts[index - 1].ends === "nothing" && !/^[\s·]/.test(part.text);
    if (goesOn) words.at(-1)!.push(part);
    else words.push([part]);
  }
  return words;
}

function cutPart(part: RetentionPart, width: number): RetentionPart[] {
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
