import { assertAlmostEquals } from "@std/assert";
import { textWidth } from "../../../lib/report/render/font.ts";

// Advances of Helvetica and Helvetica-Bold in 1/1000 em, from Adobe's font metrics (Phv.afm): Arimo is as wide.
const REGULAR = { " ": 278, i: 222, m: 833, A: 667, W: 944, "0": 556, _: 556, "%": 889, "–": 556, é: 556 };
const BOLD = { " ": 278, i: 278, m: 889, A: 722, W: 944, "0": 556 };

Deno.test("textWidth equals the published advances of Helvetica", () => {
  for (const [character, advance] of Object.entries(REGULAR)) {
    assertAlmostEquals(textWidth(character, 1000), advance, 1, character);
  }
  for (const [character, advance] of Object.entries(BOLD)) {
    assertAlmostEquals(textWidth(character, 1000, "bold"), advance, 1, character);
  }
});

Deno.test("textWidth adds up, grows with the size, and knows a character that the font lacks", () => {
  assertAlmostEquals(textWidth("Wim", 12), (944 + 222 + 833) * 0.012, 0.05);
  assertAlmostEquals(textWidth("", 12), 0);
  assertAlmostEquals(textWidth("\u{1F600}", 2), 2 * textWidth("\u{10FFFD}", 1));
});
