import { assertEquals, assertThrows } from "@std/assert";
import { readValues, TENSOR_FORMATS } from "../../../lib/engine/checkpoint/tensor_format.ts";
import { memorySource } from "../../../lib/files/byte_source.ts";
import { largestDifference, numbers } from "../../fixtures/golden.ts";
import goldens from "../../goldens/tensor_formats.json" with { type: "json" };

for (const [dtype, { bytes, values }] of Object.entries(goldens)) {
  Deno.test(`${dtype} gives the values of gguf-py, bit for bit`, () => {
    const source = memorySource(Uint8Array.of(9, ...Uint8Array.fromBase64(bytes))); // from an odd byte on
    const expected = numbers(values);
    const read = readValues(source, 1, expected.length, TENSOR_FORMATS[dtype]);
    console.error(`  ${dtype}: largest difference ${largestDifference(read, expected).toExponential(1)}`);
    assertEquals(bitsOf(read), bitsOf(expected)); // as bits, −0 is not 0
  });
}

Deno.test("every type is held to gguf-py's values", () => {
  assertEquals(
    Object.keys(goldens).toSorted(),
    Object.keys(TENSOR_FORMATS).filter((name) => name !== "F32").toSorted(),
  );
});

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** The packed bytes 0x10, 0x21, … 0xfe, 0xff: value j is j, value j + 16 is j + 1, but the last, which is 15. */
const NIBBLES = Array.from({ length: 16 }, (_, index) => index | (Math.min(index + 1, 15) << 4));

Deno.test("a quantized block is read as ggml lays it out", () => {
  const decode = (dtype: string, ...bytes: number[]) => {
    return [...readValues(memorySource(Uint8Array.from(bytes)), 0, 32, TENSOR_FORMATS[dtype])];
  };
  const codes = [...Array(16).keys(), ...Array(15).keys().map((index) => index + 1), 15];
  // 0x3800 is 0.5, 0xc400 is −4
  assertEquals(decode("Q4_0", 0x00, 0x38, ...NIBBLES), codes.map((code) => 0.5 * (code - 8)));
  assertEquals(decode("Q4_1", 0x00, 0x38, 0x00, 0xc4, ...NIBBLES), codes.map((code) => 0.5 * code - 4));
  const signed = Array.from({ length: 32 }, (_, index) => index - 16);
  assertEquals(decode("Q8_0", 0x00, 0x38, ...signed.map((value) => value & 255)), signed.map((value) => 0.5 * value));
  const fifths = codes.map((code, index) => code + (index % 2) * 16);
  assertEquals(
    decode("Q5_0", 0x00, 0x38, 0xaa, 0xaa, 0xaa, 0xaa, ...NIBBLES),
    fifths.map((code) => 0.5 * (code - 16)),
  );
  const doubled = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];
  assertEquals(decode("MXFP4", 127, ...NIBBLES), codes.map((code) => 0.5 * doubled[code]));
  assertEquals(decode("MXFP4", 255, ...NIBBLES)[1], 2 ** 127); // no number in the format, one in ggml
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
