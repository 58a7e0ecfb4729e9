import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { bfloat16ToFloat32, float16ToFloat32, float32ToFloat16 } from "../../lib/numeric/half.ts";

const PATTERNS = Uint16Array.from({ length: 1 << 16 }, (_, bits) => bits);

Deno.test("all 65,536 float16 values are the platform's own", () => {
  assertEquals(float16ToFloat32(PATTERNS), Float32Array.from(new Float16Array(PATTERNS.buffer)));
});

Deno.test("float16 has the values of IEEE 754", () => {
  const bits = Uint16Array.of(0x0000, 0x0001, 0x03ff, 0x0400, 0x3555, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7c01);
  const values = [0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 0.333251953125, 1, -2, 65504, Infinity, -Infinity, NaN];
  assertEquals([...float16ToFloat32(bits)], values);
  assertEquals(Object.is(float16ToFloat32(Uint16Array.of(0x8000))[0], -0), true);
});

Deno.test("bfloat16 is the upper half of a float32, bit for bit", () => {
  const widened = bfloat16ToFloat32(PATTERNS);
  assertEquals(new Uint32Array(widened.buffer), Uint32Array.from(PATTERNS, (bits) => bits * 65536));
  assertEquals([...bfloat16ToFloat32(Uint16Array.of(0x3f80, 0xc049, 0x7f80))], [1, -3.140625, Infinity]);
});

Deno.test("a part of an array can be written to", () => {
  const out = new Float32Array(4);
  float16ToFloat32(Uint16Array.of(0x3c00), out.subarray(1, 2));
  bfloat16ToFloat32(Uint16Array.of(0x4000), out.subarray(2, 3));
  assertEquals(out, Float32Array.of(0, 1, 2, 0));
});

Deno.test("float32 is narrowed to the float16 that the platform takes", () => {
  const narrowed = (values: Float32Array) => [...float16ToFloat32(float32ToFloat16(values))];
  const platform = (values: Float32Array) => [...Float32Array.from(Float16Array.from(values))];
  // Every float16, the middle between it and the next, and a little past that middle.
  const halves = [...float16ToFloat32(PATTERNS)];
  const around = Float32Array.from(halves.flatMap((value, index) => {
    const middle = (value + (halves[index + 1] ?? value)) / 2;
    return [value, middle, middle * (1 + 2 ** -20)];
  }));
  assertEquals(narrowed(around), platform(around));
  fc.assert(fc.property(fc.float32Array({ maxLength: 50 }), (values) => {
    assertEquals(narrowed(values), platform(values));
  }));
});

Deno.test("float32 is narrowed to nearest, ties to even, past the largest to infinity", () => {
  const values = Float32Array.of(1 + 2 ** -11, 1 + 3 * 2 ** -11, 65519, 65520, 2 ** -25, 3 * 2 ** -25, -1e-9);
  assertEquals([...float32ToFloat16(values)], [0x3c00, 0x3c02, 0x7bff, 0x7c00, 0, 2, 0x8000]);
});
