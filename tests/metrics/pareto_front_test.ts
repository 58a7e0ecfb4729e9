import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { paretoFront } from "kvmirror";

Deno.test("nothing on the front is beaten, everything off it is by something on it", () => {
  const point = fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }));
  fc.assert(fc.property(fc.array(point, { maxLength: 30 }), (points) => {
    const front = paretoFront(points, ([cost]) => cost, ([, worth]) => worth);
    const atLeast = (one: readonly number[], other: readonly number[]) => one[0] <= other[0] && one[1] >= other[1];
    const same = (one: readonly number[], other: readonly number[]) => one[0] === other[0] && one[1] === other[1];
    for (const one of front) assert(points.every((other) => !atLeast(other, one) || same(other, one)));
    for (const one of points) assert(front.some((other) => atLeast(other, one)));
    assertEquals(front.map(([cost]) => cost), front.map(([cost]) => cost).toSorted((one, other) => one - other));
  }));
});
