import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ggufCheckpoint } from "../../../../lib/engine/checkpoint/gguf/gguf_checkpoint.ts";
import { readGguf, TENSOR_TYPE_NAMES } from "../../../../lib/engine/checkpoint/gguf/read_gguf.ts";
import { TENSOR_FORMATS } from "../../../../lib/engine/checkpoint/tensor_format.ts";
import { type ByteSource, memorySource } from "../../../../lib/files/byte_source.ts";
import { ByteWriter } from "../../../fixtures/byte_writer.ts";
import { floats, ggufBytes, type GgufToWrite, type TensorToWrite } from "../../../fixtures/gguf_bytes.ts";
import { tinyGguf } from "../../../fixtures/tiny_gguf.ts";

const read = (file: GgufToWrite) => readGguf(memorySource(ggufBytes(file)));
const tensor = (extents: readonly (number | bigint)[], more: Partial<TensorToWrite> = {}): TensorToWrite => ({
  extents,
  type: 0,
  data: floats([1, 2, 3, 4]),
  ...more,
});

Deno.test("a GGUF file's metadata and tensors are read, versions 2 and 3", () => {
  for (const version of [2, 3]) {
    const { metadata, tensors, ...rest } = read({
      version,
      metadata: [["a", 7], ["b", 0.5], ["c", true], ["d", "é"], ["e", [1, 2]], ["f", ["x", ""]], ["g", []]],
      tensors: [["first", tensor([2, 2])], ["second", tensor([4])]],
    });
    assertEquals(rest, { version });
    assertEquals([...metadata.values()], [7, 0.5, true, "é", [1, 2], ["x", ""], []]);
    assertEquals(tensors.get("first")?.shape, [2, 2]);
    assertEquals(tensors.get("second")!.offset - tensors.get("first")!.offset, 32);
    assertEquals(tensors.get("first")!.offset % 32, 0);
  }
});

Deno.test("every type of metadata value is read", () => {
  const writer = new ByteWriter().ascii("GGUF").uint32(3).uint64(0).uint64(10);
  const entry = (type: number, ...bytes: number[]) => writer.uint64(1).ascii(`${type % 10}`).uint32(type).raw(...bytes);
  entry(0, 255);
  entry(1, 255);
  entry(2, 255, 255);
  entry(3, 254, 255);
  entry(4, 255, 255, 255, 255);
  entry(5, 255, 255, 255, 255);
  entry(6, 0, 0, 0x80, 0x3f);
  writer.uint64(1).ascii("x").uint32(10).uint64(2n ** 40n);
  writer.uint64(1).ascii("y").uint32(11).uint64(-3n);
  writer.uint64(1).ascii("z").uint32(12).raw(0, 0, 0, 0, 0, 0, 0xf8, 0x3f);
  const { metadata } = readGguf(memorySource(writer.done()));
  assertEquals([...metadata.values()], [255, -1, 65535, -2, 2 ** 32 - 1, -1, 1, 2 ** 40, -3, 1.5]);
});

const HOSTILE: readonly [string, GgufToWrite, string][] = [
  ["version 1", { version: 1 }, "version 1"],
  ["big-endian order", { version: 0x03000000 }, "3 in big-endian order"],
  ["2⁶³ tensors", { tensorCount: 2n ** 63n }, "9223372036854775808"],
  ["more tensors than bytes", { tensorCount: 60_000 }, "60000 tensors"],
  ["2⁶⁴ − 1 metadata entries", { entryCount: 2n ** 64n - 1n }, "18446744073709551615"],
  ["more metadata than bytes", { entryCount: 60_000 }, "60000 metadata entries"],
  ["a key twice", { metadata: [["k", 1], ["k", 2]] }, "key k is there twice"],
  ["a name twice", { tensors: [["t", tensor([4])], ["t", tensor([4])]] }, "tensor t twice"],
  [
    "a name of two lines",
    { tensors: [["t\n", tensor([1])]] },
    String.raw`the name of tensor "t\n" has a control character`,
  ],
  ["no dimension", { tensors: [["t", tensor([])]] }, "0 dimensions"],
  ["five dimensions", { tensors: [["t", tensor([1, 1, 1, 1, 1])]] }, "5 dimensions"],
  ["an extent of 0", { tensors: [["t", tensor([4, 0])]] }, "has 0 values"],
  ["an extent of −1", { tensors: [["t", tensor([-1n])]] }, "18446744073709551615"],
  ["extents that overflow to 4", { tensors: [["t", tensor([2n ** 63n, 2n ** 63n, 4])]] }, "shape [92233720368547"],
  ["a tensor of 1 TB", { tensors: [["t", tensor([2 ** 20, 2 ** 18])]] }, "274877906944 values"],
  ["a tensor past the end", { tensors: [["t", tensor([5])]] }, "cut short"],
  ["an offset past the end", { tensors: [["t", tensor([4], { offset: 64 })]] }, "cut short"],
  ["an offset of 2⁶³", { tensors: [["t", tensor([4], { offset: 2n ** 63n })]] }, "cut short"],
  ["an unaligned offset", { tensors: [["t", tensor([2], { offset: 8 })]] }, "multiple of 32"],
  ["tensors that overlap", { tensors: [["s", tensor([4])], ["t", tensor([4], { offset: 0 })]] }, "s and t overlap"],
  ["rows of part of a block", { tensors: [["t", tensor([4], { type: 8 })]] }, "multiple of Q8_0's 32"],
  ["rows of part of a super-block", { tensors: [["t", tensor([128, 2], { type: 12 })]] }, "multiple of Q4_K's 256"],
  ["a retired type", { tensors: [["t", tensor([4], { type: 4 })]] }, "tensor t of type 4"],
  ["an alignment of 0", { metadata: [["general.alignment", 0]] }, "power of two"],
  ["an alignment of 48", { metadata: [["general.alignment", 48]] }, "power of two"],
  ["an alignment of 2³⁰", { metadata: [["general.alignment", 2 ** 30]] }, "power of two"],
  ["a text as alignment", { metadata: [["general.alignment", "32"]] }, "power of two"],
];

for (const [what, file, message] of HOSTILE) {
  Deno.test(`a GGUF file with ${what} is one clear error`, () => {
    const error = assertThrows(() => read(file), Error, message);
    assert(error instanceof SyntaxError || error instanceof RangeError, error.constructor.name);
    assert(!error.message.includes("\n"), error.message);
  });
}

Deno.test("a type that is not supported is named with its tensor and what is", () => {
  const file = { tensors: [["blk.0.ffn_up.weight", tensor([256], { type: 16, data: new Uint8Array(66) })]] } as const;
  assertThrows(
    () => read(file),
    RangeError,
    "tensor blk.0.ffn_up.weight of type IQ2_XXS: the supported types are F32, F16",
  );
});

for (const [type, dtype] of Object.entries(TENSOR_TYPE_NAMES)) {
  const { blockLength, blockBytes } = TENSOR_FORMATS[dtype] ?? { blockLength: 1 };
  if (blockLength === 1) continue;
  Deno.test(`a GGUF file that ends inside a block of ${dtype} is one clear error`, () => {
    const blocks = tensor([2 * blockLength], { type: Number(type), data: new Uint8Array(2 * blockBytes) });
    const whole = ggufBytes({ tensors: [["t", blocks]] });
    assertEquals(readGguf(memorySource(whole)).tensors.get("t")?.byteLength, 2 * blockBytes);
    const cut = whole.subarray(0, whole.length - Math.floor(blockBytes / 2));
    const error = assertThrows(
      () => readGguf(memorySource(cut)),
      SyntaxError,
      "Cannot read tensor t as it ends at byte",
    );
    assert(!error.message.includes("\n"), error.message);
  });
}

Deno.test("values of metadata that lie are clear errors", () => {
  const entry = (write: (writer: ByteWriter) => ByteWriter) => {
    const writer = new ByteWriter().ascii("GGUF").uint32(3).uint64(0).uint64(1).uint64(1).ascii("k");
    return () => readGguf(memorySource(write(writer).done()));
  };
  assertThrows(entry((writer) => writer.uint32(8).uint64(2n ** 63n)), SyntaxError, "9223372036854775808");
  assertThrows(entry((writer) => writer.uint32(8).uint64(1 << 20)), SyntaxError, "cut short");
  assertThrows(entry((writer) => writer.uint32(8).uint64(2).raw(0xc3, 0x28)), SyntaxError, "not UTF-8");
  assertThrows(entry((writer) => writer.uint32(9).uint32(0).uint64(2n ** 63n)), SyntaxError, "9223372036854775808");
  assertThrows(entry((writer) => writer.uint32(9).uint32(8).uint64(1 << 22)), SyntaxError, "cut short");
  assertThrows(
    entry((writer) => writer.uint32(9).uint32(9).uint64(1).raw(...new Uint8Array(12))),
    SyntaxError,
    "lists",
  );
  assertThrows(entry((writer) => writer.uint32(13).uint64(0)), SyntaxError, "value type 13");
  assertThrows(entry((writer) => writer.uint32(7).raw(2)), SyntaxError, "current value is 2");
});

Deno.test("a file that is no GGUF says how it begins", () => {
  const html = new ByteWriter().ascii("<!DOCTYPE html><html><body>Sign in</body></html>").done();
  assertThrows(() => readGguf(memorySource(html)), SyntaxError, 'begins with "<!DO"');
  assertThrows(() => readGguf(memorySource(new Uint8Array(0))), SyntaxError, "0 are left");
});

Deno.test("metadata beyond any real model's are refused where the limit is, not at their end", () => {
  // Zeros but for the beginnings of its entries, as a sparse file of 1 TB may be: each claims a text of 16 MB.
  const header = new ByteWriter().ascii("GGUF").uint32(3).uint64(0).uint64(60_000).done();
  const entry = (index: number) => new ByteWriter().uint64(1).raw(33 + index).uint32(8).uint64(1 << 24).done();
  const stride = entry(0).length + (1 << 24);
  let furthest = 0;
  const source: ByteSource = {
    size: 2 ** 40,
    read: (offset, length) => {
      furthest = Math.max(furthest, offset + length);
      const bytes = new Uint8Array(length);
      if (offset === 0) bytes.set(header);
      const place = (index: number) => header.length + index * stride - offset;
      for (let index = 0; place(index) < length; index++) {
        entry(index).forEach((byte, at) => bytes[place(index) + at] = byte); // outside of the array it has no effect
      }
      return bytes;
    },
  };
  assertThrows(() => readGguf(source), SyntaxError, "past the limit of 67108864 bytes");
  assert(furthest < 2 ** 27, `read up to byte ${furthest}`);
});

/** A source that fails the test where more is asked for than there is. */
function watched(bytes: Uint8Array): ByteSource {
  const source = memorySource(bytes);
  return {
    size: source.size,
    read: (offset, length) => {
      assert(length <= bytes.length, `asked for ${length} bytes of ${bytes.length}`);
      return source.read(offset, length);
    },
  };
}

function readsOrRefuses(bytes: Uint8Array): boolean {
  try {
    const checkpoint = ggufCheckpoint(watched(bytes));
    for (const name of checkpoint.tensors.keys()) checkpoint.readTensor(name);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false;
    throw error;
  }
}

Deno.test("a GGUF file cut short anywhere is refused", () => {
  const whole = ggufBytes(tinyGguf("llama"));
  assert(readsOrRefuses(whole));
  for (let length = 0; length < whole.length; length++) {
    assert(!readsOrRefuses(whole.subarray(0, length)), `the first ${length} of ${whole.length} bytes were read`);
  }
});

Deno.test("a GGUF file with any bytes changed is read or refused, nothing else", () => {
  const whole = ggufBytes(tinyGguf("qwen2"));
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = whole.slice();
      for (const [at, value] of changes) bytes[at] = value;
      readsOrRefuses(bytes);
    }),
    { numRuns: 3000 },
  );
});
