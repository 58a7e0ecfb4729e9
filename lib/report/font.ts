import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
// The import brings the package onto a bare machine: a path alone is no part of the module graph.
import arimo from "@expo-google-fonts/arimo/package.json" with { type: "json" };

/**
 * The font of every chart, Arimo, from a package: a bare machine may have none, and resvg then draws no text at all.
 * It is as wide as Arial and Liberation Sans, so an SVG keeps its layout where a viewer shows it in those.
 */
export const FONT_FAMILY = "Arimo, Arial, Liberation Sans, Helvetica, sans-serif";

/** The first name in {@linkcode FONT_FAMILY}: the font that PNGs are drawn with. */
export const FONT_NAME = "Arimo";

/** The pinned version of the font. */
export const FONT_VERSION: string = arimo.version;

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
export function readFont(weight: FontWeight): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(fontPath(weight)));
}
