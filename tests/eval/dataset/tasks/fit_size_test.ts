import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { fitSize } from "../../../../lib/eval/dataset/tasks/generate_rows.ts";

Deno.test("fitSize finds the largest size that fits, in few measurements", () => {
  const shape = fc.record({
    base: fc.integer({ min: 0, max: 300 }),
    step: fc.integer({ min: 1, max: 40 }),
    bend: fc.integer({ min: 0, max: 3 }),
    least: fc.integer({ min: 1, max: 20 }),
    limit: fc.integer({ min: 1, max: 9000 }),
  });
  fc.assert(fc.property(shape, ({ base, step, bend, least, limit }) => {
    const length = (size: number) => base + step * size + bend * size ** 2;
    let expected: number | undefined;
    for (let size = least; length(size) <= limit; size++) expected = size;
    let count = 0;
    assertEquals(fitSize((size) => (count++, length(size)), limit, least), expected);
    assert(count < 40, `${count} measurements`);
  }));
});
