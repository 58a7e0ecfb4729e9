import * as vega from "vega";

/**
 * Eight colors that differ for every kind of color vision, the ones that read best on white first.
 * Okabe and Ito 2008, "Color Universal Design", https://jfly.uni-koeln.de/color/
 */
export const OKABE_ITO: readonly string[] = [
  "#0072B2",
  "#D55E00",
  "#009E73",
  "#CC79A7",
  "#E69F00",
  "#56B4E9",
  "#000000",
  "#F0E442",
];

/** A ramp that is even to the eye and in gray: van der Walt and Smith 2015, https://bids.github.io/colormap/ */
export const RAMP = "viridis";

/** Point shapes, one a series: color never tells series apart alone. */
export const SHAPES: readonly string[] = [
  "circle",
  "square",
  "triangle-up",
  "diamond",
  "triangle-down",
  "cross",
  "triangle-right",
  "triangle-left",
];

/** Line dashes, one a series, in pixels on and off. */
export const DASHES: readonly (readonly number[])[] = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [12, 4], [4, 4], [1, 3], [
  10,
  2,
  2,
  2,
  2,
  2,
]];

/** Color, shape and dash of the series in a chart, as Vega-Lite scales. */
export interface SeriesScales {
  /** The color of each series. */
  readonly color: { readonly domain: readonly string[]; readonly range: readonly string[] };
  /** The point shape of each series. */
  readonly shape: { readonly domain: readonly string[]; readonly range: readonly string[] };
  /** The dashes of each series. */
  readonly strokeDash: { readonly domain: readonly string[]; readonly range: readonly (readonly number[])[] };
}

/**
 * The scales for the series `names`. A name takes the color, shape and dash of its place in `order`, so that it looks
 * the same in every chart that shares the order; default: the order of `names`.
 *
 * Throws a RangeError past eight series, as two would look the same, and for a name that `order` lacks.
 */
export function seriesScales(names: readonly string[], order: readonly string[] = names): SeriesScales {
  if (order.length > OKABE_ITO.length) {
    throw new RangeError(
      `Cannot draw ${order.length} series as only ${OKABE_ITO.length} can be told apart: draw fewer`,
    );
  }
  const stranger = names.find((name) => !order.includes(name));
  if (stranger !== undefined) {
    throw new RangeError(`Cannot draw series ${stranger} as its order lacks it: ${order.join(", ")}`);
  }
  const domain = order.filter((name) => names.includes(name));
  const pick = <T>(styles: readonly T[]): T[] => domain.map((name) => styles[order.indexOf(name)]);
  return {
    color: { domain, range: pick(OKABE_ITO) },
    shape: { domain, range: pick(SHAPES) },
    strokeDash: { domain, range: pick(DASHES) },
  };
}

/** A color to fill with, and the one of black and white that reads on it. */
export interface RampColor {
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
export function rampColor(share: number): RampColor {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`Cannot color a share of ${share} as it must be in [0, 1]`);
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
