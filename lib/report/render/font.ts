// The import brings the package onto a bare machine: a path alone is no part of the module graph.
import "@expo-google-fonts/arimo/package.json" with { type: "json" };
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/**
 * The font of every chart, Arimo, from a package: a bare machine may have none, and resvg then draws no text at all.
 * It is as wide as Arial and Liberation Sans, so an SVG keeps its layout where a viewer shows it in those.
 */
export const FONT_FAMILY = "Arimo, Arial, Liberation Sans, Helvetica, sans-serif";

/** The first name in {@linkcode FONT_FAMILY}: the font that PNGs are drawn with. */
export const FONT_NAME = "Arimo";

/** The weights that charts use. */
export type FontWeight = "regular" | "bold";

const FILES: Readonly<Record<FontWeight, string>> = {
  regular: "400Regular/Arimo_400Regular.ttf",
  bold: "700Bold/Arimo_700Bold.ttf",
};

/** The path of the font file on this machine. */
export function fontPath(weight: FontWeight): string {
  return fileURLToPath(import.meta.resolve(`@expo-google-fonts/arimo/${FILES[weight]}`));
}

/** The font file's bytes (TrueType). */
function readFont(weight: FontWeight): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(fontPath(weight)));
}

/** Widths of a font's characters, in shares of the font size. */
type Advances = (codePoint: number) => number;

const cache = new Map<FontWeight, Advances>();

/**
 * The width of `text` in our font at `size` pixels: the sum of its advances, without kerning. Vega lays text out by
 * it, as it would otherwise guess 0.8 of the size for every character.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { textWidth } from "./font.ts";
 *
 * assert(textWidth("iii", 12) < textWidth("mmm", 12));
 * ```
 */
export function textWidth(text: string, size: number, weight: FontWeight = "regular"): number {
  let advances = cache.get(weight);
  if (advances === undefined) cache.set(weight, advances = readAdvances(readFont(weight)));
  let width = 0;
  for (const character of text) width += advances(character.codePointAt(0)!);
  return width * size;
}

/** Reads the tables `cmap` (format 4), `head`, `hhea` and `hmtx`: https://learn.microsoft.com/typography/opentype/spec */
function readAdvances(font: Uint8Array<ArrayBuffer>): Advances {
  const view = new DataView(font.buffer, font.byteOffset, font.byteLength);
  const tables = new Map<string, number>();
  for (let table = 0; table < view.getUint16(4); table++) {
    const entry = 12 + 16 * table;
    tables.set(new TextDecoder().decode(font.subarray(entry, entry + 4)), view.getUint32(entry + 8));
  }
  const at = (name: string): number => {
    const offset = tables.get(name);
    if (offset === undefined) throw new SyntaxError(`Cannot measure text as the font has no ${name} table`);
    return offset;
  };
  const unitsPerEm = view.getUint16(at("head") + 18);
  const metricCount = view.getUint16(at("hhea") + 34);
  const metrics = at("hmtx");
  const glyphOf = readCharacterMap(view, at("cmap"));
  return (codePoint) => view.getUint16(metrics + 4 * Math.min(glyphOf(codePoint), metricCount - 1)) / unitsPerEm;
}

function readCharacterMap(view: DataView, cmap: number): (codePoint: number) => number {
  const subtables = Array.from(
    { length: view.getUint16(cmap + 2) },
    (_, index) => cmap + view.getUint32(cmap + 8 + 8 * index),
  );
  const map = subtables.find((offset) => view.getUint16(offset) === 4);
  if (map === undefined) throw new SyntaxError("Cannot measure text as the font has no character map of format 4");
  const doubled = view.getUint16(map + 6);
  const [ends, starts] = [map + 14, map + 16 + doubled];
  const [deltas, ranges] = [starts + doubled, starts + 2 * doubled];
  return (codePoint) => {
    let segment = 0;
    while (segment < doubled && view.getUint16(ends + segment) < codePoint) segment += 2;
    if (segment >= doubled || view.getUint16(starts + segment) > codePoint) return 0;
    const range = view.getUint16(ranges + segment);
    const delta = view.getUint16(deltas + segment);
    if (range === 0) return (codePoint + delta) & 0xffff;
    const glyph = view.getUint16(ranges + segment + range + 2 * (codePoint - view.getUint16(starts + segment)));
    return glyph === 0 ? 0 : (glyph + delta) & 0xffff;
  };
}
