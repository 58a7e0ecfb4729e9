import { assertEquals, assertThrows } from "@std/assert";
import { bytesPerToken } from "../../lib/metrics/bytes_per_token.ts";

Deno.test("a token takes a key and a value per layer and head", () => {
  assertEquals(bytesPerToken({ layerCount: 24, headCount: 8, headDim: 128, bytesPerValue: 2 }), 98_304);
  assertEquals(bytesPerToken({ layerCount: 24, headCount: 2, headDim: 64, bytesPerValue: 2 }), 12_288);
  assertEquals(bytesPerToken({ layerCount: 0, headCount: 2, headDim: 64, bytesPerValue: 2 }), 0);
});

Deno.test("shapes that are negative, broken or past exact integers are refused", () => {
  const shape = { layerCount: 1, headCount: 1, headDim: 1, bytesPerValue: 1 };
  assertThrows(() => bytesPerToken({ ...shape, headCount: -1 }), RangeError, "-1 heads");
  assertThrows(() => bytesPerToken({ ...shape, headDim: 0.5 }), RangeError, "0.5 head dimensions");
  assertThrows(() => bytesPerToken({ ...shape, layerCount: NaN }), RangeError, "NaN layers");
  assertThrows(() => bytesPerToken({ ...shape, headDim: 2 ** 52 }), RangeError, "2^53");
});
