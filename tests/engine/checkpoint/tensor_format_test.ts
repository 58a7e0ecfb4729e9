import { assertEquals, assertThrows } from "@std/assert";
import { readValues, TENSOR_FORMATS } from "../../../lib/engine/checkpoint/tensor_format.ts";
import { memorySource } from "../../../lib/files/byte_source.ts";
import goldens from "../../goldens/tensor_formats.json" with { type: "json" };

for (const [dtype, { bytes, values }] of Object.entries(goldens)) {
  Deno.test(`${dtype} gives the values of gguf-py, bit for bit`, () => {
    const source = memorySource(Uint8Array.from([9, ...bytes])); // from an odd byte on
    assertEquals(readValues(source, 1, values.length, TENSOR_FORMATS[dtype]), Float32Array.from(values));
  });
}

/** The packed bytes 0x10, 0x21, … 0xfe, 0xff: value j is j, value j + 16 is j + 1, but the last, which is 15. */
const NIBBLES = Array.from({ length: 16 }, (_, index) => index | (Math.min(index + 1, 15) << 4));

Deno.test("a quantised block is read as ggml lays it out", () => {
  const decode = (dtype: string, ...bytes: number[]) => {
    return [...readValues(memorySource(Uint8Array.from(bytes)), 0, 32, TENSOR_FORMATS[dtype])];
  };
  const codes = [...Array(16).keys(), ...Array(15).keys().map((index) => index + 1), 15];
  // 0x3800 is 0.5, 0xc400 is −4
  assertEquals(decode("Q4_0", 0x00, 0x38, ...NIBBLES), codes.map((code) => 0.5 * (code - 8)));
  assertEquals(decode("Q4_1", 0x00, 0x38, 0x00, 0xc4, ...NIBBLES), codes.map((code) => 0.5 * code - 4));
  const signed = Array.from({ length: 32 }, (_, index) => index - 16);
  assertEquals(decode("Q8_0", 0x00, 0x38, ...signed.map((value) => value & 255)), signed.map((value) => 0.5 * value));
});

Deno.test("a tensor longer than what is decoded at once has no seam", () => {
  const values = Float32Array.from({ length: (1 << 20) + 96 }, (_, index) => index % 1013);
  const bytes = new Uint8Array(values.buffer);
  assertEquals(readValues(memorySource(bytes), 0, values.length, TENSOR_FORMATS.F32), values);
  const blocks = values.length / 32;
  const quantized = new Uint8Array(blocks * 34);
  for (let block = 0; block < blocks; block++) quantized.set([0, 0x3c, block & 127], block * 34); // scale 1, value 0
  const read = readValues(memorySource(quantized), 0, values.length, TENSOR_FORMATS.Q8_0);
  for (let block = 0; block < blocks; block++) {
    if (read[block * 32] !== (block & 127)) throw new Error(`block ${block} begins with ${read[block * 32]}`);
  }
});

Deno.test("values outside the source are refused", () => {
  const source = memorySource(new Uint8Array(40));
  assertThrows(
    () => readValues(source, 8, 32, TENSOR_FORMATS.Q8_0),
    RangeError,
    "34 bytes from byte 8 as there are 40",
  );
});
