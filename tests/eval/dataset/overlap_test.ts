import { assertThrows } from "@std/assert";
import fc from "fast-check";
import { checkNoOverlap } from "kvmirror/eval";

const words = (count: number, from: number) => Array.from({ length: count }, (_, index) => `w${from + index}`);

Deno.test("texts pass if at most one run of six words in a hundred is shared, whatever case and signs they have", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 60 }), (taken) => {
    const text = [...words(taken, 0), ...words(400 - taken, 10_000)].join(" ");
    const scored = words(500, 0).map((word) => word.toUpperCase()).join(", ");
    const shared = Math.max(0, taken - 5) / 395;
    if (shared <= 0.01) checkNoOverlap([text], [scored]);
    else assertThrows(() => checkNoOverlap([text], [scored]), RangeError, `"w0 w1 w2 w3 w4 w5"`);
  }));
});

Deno.test("texts shorter than a run overlap with nothing", () => {
  checkNoOverlap(["", "one two"], ["one two"]);
});
