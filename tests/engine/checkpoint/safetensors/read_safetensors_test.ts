import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readSafetensors } from "../../../../lib/engine/checkpoint/safetensors/read_safetensors.ts";
import { memorySource } from "../../../../lib/files/byte_source.ts";
import { safetensorsBytes, tensorsFile } from "../../../fixtures/safetensors_bytes.ts";
import { counting } from "../../../fixtures/tiny_safetensors.ts";

const read = (bytes: Uint8Array) => readSafetensors(memorySource(bytes));

Deno.test("a safetensors header gives each tensor's place", () => {
  const bytes = tensorsFile({ a: counting([2, 3]), b: { dtype: "BF16", shape: [], data: Uint8Array.of(0x80, 0x3f) } });
  const tensors = read(bytes);
  assertEquals([...tensors.keys()], ["a", "b"]);
  const { offset, ...a } = tensors.get("a")!;
  assertEquals(a, { name: "a", dtype: "F32", shape: [2, 3], count: 6 });
  assertEquals(bytes.slice(offset + 4, offset + 8), new Uint8Array(Float32Array.of(1).buffer));
  assertEquals(tensors.get("b")?.offset, bytes.length - 2);
  assertEquals(tensors.get("b")?.count, 1);
});

const entry = (dtype: unknown, shape: unknown, offsets: unknown) =>
  JSON.stringify({ t: { dtype, shape, data_offsets: offsets } });
const F32 = '{"dtype":"F32","shape":[1],"data_offsets":[0,4]}';
const four = new Uint8Array(4);

const HOSTILE: readonly [string, Uint8Array, string][] = [
  ["no bytes", new Uint8Array(0), "0 bytes"],
  ["a header of 2⁶³ bytes", safetensorsBytes("{}", four, 2n ** 63n), "claims 9223372036854775808 bytes"],
  ["a header of 2⁶⁴ − 1 bytes", safetensorsBytes("{}", four, -1n), "claims 18446744073709551615 bytes"],
  ["a header longer than the file", safetensorsBytes("{}", four, 7), "claims 7 bytes: at most 6"],
  ["a header that is no JSON", safetensorsBytes("{,}", four), "as JSON"],
  ["a header that is no UTF-8", safetensorsBytes("{}", Uint8Array.of(0xff), 3), "not UTF-8"],
  ["a list for a header", safetensorsBytes("[]", four), "it must begin with {"],
  ["null for a header", safetensorsBytes("null", four), "it must begin with {"],
  ["an empty header", safetensorsBytes("", four), "as JSON"],
  ["a name twice", safetensorsBytes(`{"t":${F32},"t":${F32}}`, four), 'key "t" is there twice'],
  [
    "a name twice, spelled in two ways",
    safetensorsBytes(`{"t":${F32},"\\u0074":${F32}}`, four),
    'key "t" is there twice',
  ],
  ["null for a tensor", safetensorsBytes('{"t":null}', four), "shape must be"],
  ["a number for a tensor", safetensorsBytes('{"t":5}', four), "shape must be"],
  [
    "an unknown type",
    safetensorsBytes(entry("Q4", [1], [0, 4]), four),
    'dtype must be one of the format\'s: current value is "Q4"',
  ],
  ["no type", safetensorsBytes(entry(undefined, [1], [0, 4]), four), "current value is absent"],
  ["a negative extent", safetensorsBytes(entry("F32", [-1], [0, 4]), four), "current value is [-1]"],
  ["a fraction for an extent", safetensorsBytes(entry("F32", [1.5], [0, 4]), four), "current value is [1.5]"],
  ["an extent of 10³⁰⁰", safetensorsBytes(entry("F32", [1e300], [0, 4]), four), "shape must be"],
  [
    "a tensor of 1 TB",
    safetensorsBytes(entry("F32", [2 ** 20, 2 ** 18], [0, 2 ** 40]), four),
    "at most 2147483648 values",
  ],
  [
    "extents that overflow",
    safetensorsBytes(entry("F32", [2 ** 50, 2 ** 50], [0, 4]), four),
    "at most 2147483648 values",
  ],
  ["one offset", safetensorsBytes(entry("F32", [1], [0]), four), "two whole numbers"],
  ["offsets in the wrong order", safetensorsBytes(entry("F32", [1], [4, 0]), four), "span the 4 bytes"],
  [
    "offsets that do not fit the shape",
    safetensorsBytes(entry("F32", [2], [0, 4]), four),
    "span the 8 bytes of F32 [2]",
  ],
  [
    "a type that does not fit the offsets",
    safetensorsBytes(entry("F16", [1], [0, 4]), four),
    "span the 2 bytes of F16 [1]",
  ],
  ["a negative offset", safetensorsBytes(entry("F32", [1], [-4, 0]), four), "two whole numbers"],
  [
    "an offset past the end",
    safetensorsBytes(entry("F32", [1], [4, 8]), four),
    "begin where the last tensor's ends, at 0",
  ],
  ["data cut short", safetensorsBytes(entry("F32", [2], [0, 8]), four), "end at byte 8 of the 4"],
  ["data that no tensor has", safetensorsBytes(entry("F32", [1], [0, 4]), new Uint8Array(5)), "end at byte 4 of the 5"],
  [
    "tensors that overlap",
    safetensorsBytes(`{"s":${F32},"t":${F32}}`, four),
    "begin where the last tensor's ends, at 4",
  ],
];

for (const [what, bytes, message] of HOSTILE) {
  Deno.test(`a safetensors file with ${what} is one clear error`, () => {
    const error = assertThrows(() => read(bytes), SyntaxError, message);
    assert(!error.message.includes("\n"), error.message);
  });
}

Deno.test("a safetensors file cut short anywhere is refused", () => {
  const whole = tensorsFile({ a: counting([2, 3]), b: counting([5]) });
  assertEquals(read(whole).size, 2);
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => read(whole.subarray(0, length)), SyntaxError);
  }
});

Deno.test("a safetensors file with any bytes changed is read or refused, nothing else", () => {
  const whole = tensorsFile({ a: counting([2, 3]), b: counting([5]) });
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at] = value;
      try {
        for (const { offset, count } of read(bytes).values()) assert(offset + count <= bytes.length);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }),
    { numRuns: 3000 },
  );
});

Deno.test("a shape of thousands of extents is cut in the message", () => {
  const header = new TextEncoder().encode(entry("F32", new Array(6_000).fill(0), [0, 32]));
  const bytes = new Uint8Array(8 + header.length + 32);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  const error = assertThrows(() => read(bytes), SyntaxError, "must span the 0 bytes of F32 [0,0");
  assert(error.message.length < 300, error.message);
});
