import { assertEquals, assertThrows } from "@std/assert";
import { median } from "../../lib/numeric/median.ts";

Deno.test("the middle value, and the mean of the middle two", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 3, 2]), 2.5);
  assertEquals(median([7]), 7);
});

Deno.test("no values have no median", () => {
  assertThrows(() => median([]), RangeError, "Cannot take the median of no values");
});
