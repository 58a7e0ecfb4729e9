import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { recall } from "../../lib/metrics/recall.ts";

Deno.test("recall is the share of the target that is among the kept", () => {
  const rows = fc.uniqueArray(fc.nat(60)).map((list) => list.sort((a, b) => a - b));
  fc.assert(
    fc.property(rows, rows, (target, kept) => {
      const found = target.filter((row) => kept.includes(row)).length;
      const expected = target.length === 0 ? 1 : found / target.length;
      assertEquals(recall(Uint32Array.from(target), Uint32Array.from(kept)), expected);
    }),
    { seed: 1 },
  );
});

Deno.test("rows out of order or twice are refused: the walk would miss some", () => {
  assertThrows(() => recall(Uint32Array.of(1, 2), Uint32Array.of(5, 3)), RangeError, "kept row 3 follows row 5");
  assertThrows(() => recall(Uint32Array.of(4, 4), Uint32Array.of(1)), RangeError, "target row 4 follows row 4");
});
