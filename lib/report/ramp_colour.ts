import * as vega from "vega";
import { RAMP } from "./palette.ts";

/** A colour to fill with, and the one of black and white that reads on it. */
export interface RampColour {
  /** `#rrggbb`. */
  readonly fill: string;
  /** `#000000` or `#ffffff`, whichever contrasts more with the fill: at least 4.5 to 1 (WCAG 2.2, 1.4.3). */
  readonly ink: string;
}

// Vega's own types leave this export out.
const { scheme } = vega as unknown as { scheme(name: string): (share: number) => string };

/**
 * The place of a share in [0, 1] on the ramp that heat maps are drawn with, and the ink that reads on it.
 *
 * @throws {RangeError} if the share is not in [0, 1]
 */
export function rampColour(share: number): RampColour {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`Cannot colour a share of ${share} as it must be in [0, 1]`);
  const channels = scheme(RAMP)(share).match(/\d+/g)!.map(Number);
  const luminance = relativeLuminance(channels);
  return {
    fill: `#${channels.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`,
    ink: (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000000" : "#ffffff",
  };
}

/** Of red, green and blue in 0 to 255: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance */
function relativeLuminance(channels: readonly number[]): number {
  const [red, green, blue] = channels.map((channel) => {
    const value = channel / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
