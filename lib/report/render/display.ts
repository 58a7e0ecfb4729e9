export { DISPLAY, type Displayable, type DisplayBundle } from "../../display/display.ts";

/** A picture in the forms that a report takes. */
export interface Figure {
  /** What the picture shows, in words. */
  readonly description: string;
  /** The drawing as SVG. */
  readonly svg: string;
  /** The drawing as PNG, two pixels for one of the SVG. */
  readonly png: Uint8Array<ArrayBuffer>;
}
