import { assertEquals } from "@std/assert";
import { standardScores } from "../../lib/numeric/standard_scores.ts";

Deno.test("standard scores are of all lists together; numbers that are all the same are 0", () => {
  assertEquals(standardScores([[0, 2], [4]].map((list) => Float64Array.from(list))).map((list) => [...list]), [
    [-1, 0],
    [1],
  ]);
  assertEquals(standardScores([Float64Array.of(3, 3)]).map((list) => [...list]), [[0, 0]]);
  assertEquals(standardScores([new Float64Array(0)]).map((list) => [...list]), [[]]);
});
