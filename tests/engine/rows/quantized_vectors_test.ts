import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseCacheDtype } from "kvmirror/engine";
import {
  dequantizeVectors,
  joinQuantized,
  pickQuantized,
  quantizedBytes,
  quantizeVectors,
} from "../../../lib/engine/rows/quantized_vectors.ts";
import { syntheticNumbers } from "../../fixtures/synthetic_cache.ts";

const format = (text: string) => parseCacheDtype(text).keys;
const FORMATS = ["f32", "f16", "int8", "int4", "int8:channel", "int4:channel"];

Deno.test("two vectors of each format, by hand", () => {
  // Scales are whole here, so that nothing is lost; int4 holds column 0 and 2, and 1 and 3, in a byte each.
  const values = Float32Array.of(0, 3, 15, 6, -7, 8, -4, 1);
  const four = quantizeVectors(values, format("int4"), 4);
  assertEquals([...four.scales, ...four.mins], [1, 1, 0, -7]);
  assertEquals([...four.codes], [0 | 15 << 4, 3 | 6 << 4, 0 | 3 << 4, 15 | 8 << 4]);
  assertEquals(dequantizeVectors(four), values);
  const eight = quantizeVectors(Float32Array.of(0, -127, 1, 3, 254, 2, 0, -4), format("int8"), 4);
  assertEquals([[...eight.scales], [...eight.codes], eight.mins.length], [[1, 2], [
    128,
    1,
    129,
    131,
    255,
    129,
    128,
    126,
  ], 0]);
  assertEquals([...dequantizeVectors(eight)], [0, -127, 1, 3, 254, 2, 0, -4]);
  const channel = quantizeVectors(Float32Array.of(0, 5, 255, 5), format("int8:channel"), 2);
  assertEquals([[...channel.scales], [...channel.mins], [...channel.groups]], [[1, 0], [0, 5], [0, 0]]);
  assertEquals([...dequantizeVectors(channel)], [0, 5, 255, 5]);
  assertEquals([...quantizeVectors(Float32Array.of(1, -2), format("f16"), 2).codes], [0x3c00, 0xc000]);
});

Deno.test("bytes count quanta and scales: what a vector of 64 numbers takes", () => {
  const bytes = FORMATS.map((name) =>
    quantizedBytes(quantizeVectors(syntheticNumbers(64 * 64, 1), format(name), 64)) / 64
  );
  assertEquals(bytes, [256, 128, 64 + 4, 32 + 8, 64 + 4 + 8, 32 + 4 + 8]);
});

Deno.test("no number moves by more than half a step of its format", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMATS),
      fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), {
        minLength: 8,
        maxLength: 600,
      }),
      (name, numbers) => {
        const values = Float32Array.from(numbers.slice(0, numbers.length - numbers.length % 4));
        const quantized = quantizeVectors(values, format(name), 4);
        const back = dequantizeVectors(quantized);
        values.forEach((value, at) => {
          const row = Math.floor(at / 4);
          const scale = quantized.scales[name.endsWith("channel") ? quantized.groups[row] * 4 + at % 4 : row];
          const most = name === "f32" ? 0 : name === "f16" ? Math.abs(value) / 2048 + 2 ** -25 : scale * 0.5;
          assert(
            Math.abs(back[at] - value) <= most * 1.001 + 1e-4 * Number(name.startsWith("int")),
            `${name} ${value} ${back[at]}`,
          );
        });
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("picking and joining never change what a vector stands for, nor keep scales that nobody uses", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FORMATS),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 80 }),
      fc.integer({ min: 0, max: 2 ** 31 }),
      (name, count, more, seed) => {
        const one = quantizeVectors(syntheticNumbers(count * 4, seed), format(name), 4);
        const other = quantizeVectors(syntheticNumbers(more * 4, seed + 1), format(name), 4);
        const all = joinQuantized(one, other);
        const expected = [...dequantizeVectors(one), ...dequantizeVectors(other)];
        assertEquals([...dequantizeVectors(all)], expected);
        const rows = Uint32Array.from(syntheticNumbers(count + more, seed + 2).keys()).filter((row) =>
          syntheticNumbers(row + 1, seed)[row] < 0.3
        );
        const picked = pickQuantized(all, rows);
        assertEquals([...dequantizeVectors(picked)], [...rows].flatMap((row) => expected.slice(row * 4, row * 4 + 4)));
        if (name.endsWith("channel")) assertEquals(picked.scales.length, new Set(picked.groups).size * 4);
      },
    ),
    { numRuns: 100 },
  );
});
