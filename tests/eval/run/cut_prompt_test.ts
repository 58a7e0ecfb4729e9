import { assertEquals } from "@std/assert";
import { cutIds } from "../../../lib/eval/run/cut_prompt.ts";

Deno.test("a cut prompt has as many tokens as an eviction keeps rows: the opening and the newest", () => {
  const ids = Array.from({ length: 20 }, (_, index) => index);
  assertEquals(cutIds(ids, 3, 0.5), [0, 1, 2, 13, 14, 15, 16, 17, 18, 19]);
  assertEquals(cutIds(ids, 3, 0), ids);
  assertEquals(cutIds(ids, 3, 0.85), [0, 1, 2]);
  assertEquals(cutIds(ids, 0, 0.99), [19]);
});
