import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { DASHES, OKABE_ITO, rampColor, seriesScales, SHAPES } from "../../../lib/report/render/palette.ts";

Deno.test("the palette is Okabe and Ito's eight colors, with as many distinct shapes and dashes", () => {
  // https://jfly.uni-koeln.de/color/: black, orange, sky blue, bluish green, yellow, blue, vermillion, reddish purple
  const published = ["#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"];
  assertEquals(OKABE_ITO.toSorted(), published.toSorted());
  assertEquals([new Set(SHAPES).size, new Set(DASHES.map(String)).size], [8, 8]);
});

Deno.test("a series looks the same in every chart that shares an order", () => {
  const order = ["keep_all", "random", "hybrid"];
  const all = seriesScales(order, order);
  const some = seriesScales(["hybrid", "keep_all"], order);
  assertEquals(some.color, { domain: ["keep_all", "hybrid"], range: [all.color.range[0], all.color.range[2]] });
  assertEquals(some.shape.range, [all.shape.range[0], all.shape.range[2]]);
  assertEquals(some.strokeDash.range, [all.strokeDash.range[0], all.strokeDash.range[2]]);
});

Deno.test("a ninth series and a series outside the order are refused", () => {
  const nine = Array.from({ length: 9 }, (_, index) => `policy ${index}`);
  assertThrows(() => seriesScales(nine), RangeError, "Cannot draw 9 series as only 8 can be told apart");
  assertThrows(() => seriesScales(["x"], ["y"]), RangeError, "Cannot draw series x as its order lacks it: y");
});

/** WCAG 2.2, 1.4.3, from the hexadecimal colors. */
function contrast(one: string, other: string): number {
  const luminance = (color: string) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, channel) => {
      const value = parseInt(color.slice(1 + 2 * channel, 3 + 2 * channel), 16) / 255;
      return sum + weight * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    }, 0);
  const [dark, light] = [luminance(one), luminance(other)].sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}

Deno.test("rampColor: viridis from its dark end to its light one", () => {
  assertEquals(rampColor(0), { fill: "#440154", ink: "#ffffff" });
  assertEquals(rampColor(1), { fill: "#fde725", ink: "#000000" });
});

Deno.test("rampColor: the ink reads on every color", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
    const { fill, ink } = rampColor(share);
    assert(/^#[0-9a-f]{6}$/.test(fill) && contrast(fill, ink) >= 4.5, `${share}: ${ink} on ${fill}`);
  }));
});

Deno.test("rampColor refuses what is no share", () => {
  for (const share of [-0.01, 1.01, NaN]) assertThrows(() => rampColor(share), RangeError, `share of ${share}`);
});
