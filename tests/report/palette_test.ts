import { assertEquals, assertThrows } from "@std/assert";
import { DASHES, OKABE_ITO, seriesScales, SHAPES } from "kvmirror/report";

Deno.test("the palette is Okabe and Ito's eight colours, with as many distinct shapes and dashes", () => {
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
