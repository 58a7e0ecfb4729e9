import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { rampColour } from "kvmirror/report";

/** WCAG 2.2, 1.4.3, from the hexadecimal colours. */
function contrast(one: string, other: string): number {
  const luminance = (colour: string) =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, channel) => {
      const value = parseInt(colour.slice(1 + 2 * channel, 3 + 2 * channel), 16) / 255;
      return sum + weight * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    }, 0);
  const [dark, light] = [luminance(one), luminance(other)].sort((one, other) => one - other);
  return (light + 0.05) / (dark + 0.05);
}

Deno.test("rampColour: viridis from its dark end to its light one", () => {
  assertEquals(rampColour(0), { fill: "#440154", ink: "#ffffff" });
  assertEquals(rampColour(1), { fill: "#fde725", ink: "#000000" });
});

Deno.test("rampColour: the ink reads on every colour", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
    const { fill, ink } = rampColour(share);
    assert(/^#[0-9a-f]{6}$/.test(fill) && contrast(fill, ink) >= 4.5, `${share}: ${ink} on ${fill}`);
  }));
});

Deno.test("rampColour refuses what is no share", () => {
  for (const share of [-0.01, 1.01, NaN]) assertThrows(() => rampColour(share), RangeError, `share of ${share}`);
});
