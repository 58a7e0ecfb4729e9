export { DISPLAY, type Displayable, type DisplayBundle } from "../../display/display.ts";

/** A picture in the forms that a report takes. */
export interface Figure {
  /** What the picture shows, in words. */
  readonly description: string;
  /** What it says, in a line: its alternative text in a report; the description's beginning where there is none. */
  readonly title?: string;
  /** The drawing as SVG. */
  readonly svg: string;
  /** The drawing as PNG, two pixels for one of the SVG. */
  readonly png: Uint8Array<ArrayBuffer>;
}
