import { Resvg } from "@resvg/resvg-js";
import { FONT_NAME, fontPath } from "./font.ts";

/** Pixels of the PNG for one of the SVG: sharp on dense screens and when a page scales it. */
const ZOOM = 2;

/** Draws an SVG as PNG with our own font and no other: the same bytes on every machine of one architecture. */
export function renderPng(svg: string): Uint8Array<ArrayBuffer> {
  const image = new Resvg(svg, {
    background: "white",
    fitTo: { mode: "zoom", value: ZOOM },
    font: {
      loadSystemFonts: false,
      fontFiles: [fontPath("regular"), fontPath("bold")],
      defaultFontFamily: FONT_NAME,
      sansSerifFamily: FONT_NAME,
    },
  });
  return new Uint8Array(image.render().asPng());
}
