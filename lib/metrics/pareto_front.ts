/**
 * Those of some things that no other beats: none costs as little or less and is worth as much or more, one of the two
 * really so. The cheapest comes first.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { paretoFront } from "kvmirror";
 *
 * const settings = [{ bytes: 4, score: 0.9 }, { bytes: 2, score: 0.7 }, { bytes: 3, score: 0.6 }];
 * assertEquals(paretoFront(settings, ({ bytes }) => bytes, ({ score }) => score).map(({ bytes }) => bytes), [2, 4]);
 * ```
 */
export function paretoFront<Thing>(
  things: readonly Thing[],
  cost: (thing: Thing) => number,
  worth: (thing: Thing) => number,
): Thing[] {
  const beats = (one: Thing, other: Thing) =>
    cost(one) <= cost(other) && worth(one) >= worth(other) && (cost(one) < cost(other) || worth(one) > worth(other));
  return things.filter((thing) => !things.some((other) => beats(other, thing)))
    .sort((one, other) => cost(one) - cost(other) || worth(one) - worth(other));
}
