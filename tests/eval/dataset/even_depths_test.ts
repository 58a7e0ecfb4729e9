import { assertEquals, assertThrows } from "@std/assert";
import { evenDepths } from "kvmirror/eval";

const rows = [0.05, 0.95, 0.1, 0.6, 0.55, 0.9, 0.2].map((depth) => (
  { task: "a", context: "", question: "", answer_prefix: "", answer: ["1"], max_new_tokens: 1, depth }
));

Deno.test("of each depth the first rows are taken, in their order", () => {
  assertEquals(evenDepths(rows, 2, 2).map(({ depth }) => depth), [0.05, 0.95, 0.1, 0.6]);
  assertEquals(evenDepths(rows, 3, 1).map(({ depth }) => depth), [0.05, 0.95, 0.1]);
});

Deno.test("a depth with too few rows is named", () => {
  assertThrows(() => evenDepths(rows, 1, 10), RangeError, "1 rows of depth 4 of 10 as there are 0");
});
