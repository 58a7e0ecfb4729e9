import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { attentionShare } from "../../lib/metrics/attention_share.ts";

Deno.test("attentionShare counts the chosen tokens of every head", () => {
  const attention = Float64Array.of(1, 2, 1, 0, 0, 0, 0, 0, 3, 0, 0, 1);
  assertEquals(attentionShare(attention, 4, [1]), Float64Array.of(0.5, 0, 0));
  assertEquals(attentionShare(attention, 4, [0, 3]), Float64Array.of(0.25, 0, 1));
  assertEquals(attentionShare(attention, 4, []), Float64Array.of(0, 0, 0));
});

Deno.test("the shares of a partition add up to one", () => {
  const heads = fc.array(fc.float({ min: 1, max: 100, noNaN: true }), { minLength: 6, maxLength: 6 });
  fc.assert(fc.property(heads, fc.subarray([0, 1, 2]), (values, chosen) => {
    const attention = Float32Array.from(values);
    const others = [0, 1, 2].filter((token) => !chosen.includes(token));
    const [one, other] = [chosen, others].map((tokens) => attentionShare(attention, 3, tokens));
    one.forEach((share, head) => assertAlmostEquals(share + other[head], 1, 1e-12));
  }));
});

Deno.test("attentionShare refuses a ragged matrix and a token outside the text", () => {
  assertThrows(() => attentionShare(new Float64Array(5), 3, []), TypeError, "Cannot read 5 values as rows of 3 tokens");
  assertThrows(() => attentionShare(new Float64Array(6), 3, [3]), RangeError, "Cannot count token 3 as the text has 3");
});
