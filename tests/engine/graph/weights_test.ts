import { assert, assertEquals } from "@std/assert";
import * as onnxruntime from "onnxruntime-node";
import { readBlocks, readValues, TENSOR_FORMATS } from "../../../lib/engine/checkpoint/tensor_format.ts";
import { WeightFile } from "../../../lib/engine/graph/model_files.ts";
import { ELEMENT, GraphBuilder } from "../../../lib/engine/graph/onnx_graph.ts";
import {
  type BlockFormat,
  INT4_BLOCKS,
  INT8_BLOCKS,
  type QuantizedBlocks,
  storedBlocks,
} from "../../../lib/engine/graph/weight_blocks.ts";
import { blockLookup, blockProduct, type LinearWeights } from "../../../lib/engine/graph/weights.ts";
import { memorySource } from "../../../lib/files/byte_source.ts";
import { MersenneTwister } from "../../../lib/numeric/mersenne_twister.ts";
import { withFolder } from "../../fixtures/with_folder.ts";
import goldens from "../../goldens/tensor_formats.json" with { type: "json" };

/** By type, where a block has float16 numbers. */
const GOLDENS: Readonly<Record<string, { readonly floats: readonly number[] }>> = goldens;
const STORED = Object.keys(TENSOR_FORMATS).filter((dtype) => TENSOR_FORMATS[dtype].layout !== undefined);

/** Bytes of random blocks whose scales are numbers of everyday size. */
function stored(dtype: string, rows: number, columns: number): { values: Float32Array; part: LinearWeights } {
  const format = TENSOR_FORMATS[dtype];
  const stream = new MersenneTwister(rows * columns + dtype.length);
  const count = rows * columns;
  const bytes = Uint8Array.from(
    { length: (count / format.blockLength) * format.blockBytes },
    () => Math.floor(stream.random() * 256),
  );
  // A float16 is at most 2 and at least 2⁻¹⁴ in size where its exponent's bits are so; MXFP4 has a power of two.
  for (let block = 0; block < bytes.length; block += format.blockBytes) {
    if (dtype === "MXFP4") bytes[block] = 120 + bytes[block] % 8;
    for (const at of GOLDENS[dtype].floats) bytes[block + at + 1] = 0x20 | (bytes[block + at + 1] & 0x83);
  }
  const source = memorySource(bytes);
  const values = readValues(source, 0, count, format);
  const part = {
    name: dtype,
    outputs: rows,
    inputs: columns,
    dtypes: [dtype],
    read: () => values,
    readBlocks: () => [readBlocks(source, 0, count, format)],
  };
  return { values, part };
}

/** What blocks stand for, `[rows, columns]`. */
function dequantized(blocks: QuantizedBlocks, { bits, blockLength }: BlockFormat, columns: number): Float64Array {
  const perRow = Math.ceil(columns / blockLength);
  const rows = blocks.scales.length / perRow;
  return Float64Array.from({ length: rows * columns }, (_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const block = row * perRow + Math.floor(column / blockLength);
    const at = row * perRow * blockLength + column;
    const code = bits === 8 ? blocks.codes[at] : (blocks.codes[at >> 1] >> (4 * (at & 1))) & 15;
    const inRow = block % perRow;
    const zeroPoint = blocks.zeroPoints === undefined
      ? 2 ** (bits - 1)
      : (blocks.zeroPoints[row * Math.ceil(perRow / 2) + (inRow >> 1)] >> (4 * (inRow & 1))) & 15;
    return (code - zeroPoint) * blocks.scales[block] + (blocks.mins?.[block] ?? 0);
  });
}

function largest(values: ArrayLike<number>): number {
  return Array.prototype.reduce.call(values, (most, value) => Math.max(most as number, Math.abs(value)), 0) as number;
}

function difference(one: ArrayLike<number>, other: ArrayLike<number>): number {
  return largest(Array.from(one, (value, index) => value - other[index]));
}

for (const dtype of STORED) {
  Deno.test(`${dtype} stays as it is stored, to float32's own rounding`, () => {
    const { values, part } = stored(dtype, 5, 512);
    for (const least of [4, 8] as const) {
      const format = storedBlocks([dtype], least)!;
      assert(format.bits >= least);
      const found = dequantized(format.quantize(part, 512), format, 512);
      const error = difference(found, values) / largest(values);
      console.log(`  ${dtype} in ${format.bits} bits, groups of ${format.blockLength}: ${error.toExponential(1)}`);
      assert(error < 3e-7, `${error}`);
    }
  });
}

Deno.test("tensors of several types are one matrix; a float among them makes it floats", () => {
  const dtypes = ["Q5_0", "Q6_K", "Q4_K", "Q8_0"];
  const parts = dtypes.map((dtype) => stored(dtype, 3, 256));
  const format = storedBlocks(dtypes)!;
  assertEquals([format.bits, format.blockLength, format.mins], [8, 16, "stored"]);
  const joined = { read: () => parts[0].values, readBlocks: () => parts.flatMap(({ part }) => part.readBlocks()) };
  const found = dequantized(format.quantize(joined, 256), format, 256);
  parts.forEach(({ values }, part) => {
    const own = found.subarray(part * 768, (part + 1) * 768);
    assert(difference(own, values) / largest(values) < 3e-7);
  });
  assertEquals(storedBlocks(["Q8_0", "F16"]), undefined);
  assertEquals([storedBlocks(["Q4_0"])?.bits, storedBlocks(["Q4_1", "Q4_K"])?.bits], [4, 4]);
});

/** Runs a small graph whose weights lie in a file. */
async function run(
  build: (graph: GraphBuilder, input: string) => string,
  input: onnxruntime.Tensor,
  type: number,
): Promise<Float32Array> {
  let found: Float32Array = new Float32Array(0);
  await withFolder(async (path) => {
    Deno.mkdirSync(path("m"));
    const weights = new WeightFile(path("m"), "weights.bin");
    const graph = new GraphBuilder(weights);
    const name = graph.input("input", type, input.dims);
    graph.node("Identity", [build(graph, name)], ["output"]);
    graph.output("output", ELEMENT.float32, [1, "S", "N"]);
    Deno.writeFileSync(path("m/graph.onnx"), graph.encode());
    weights[Symbol.dispose]();
    const session = await onnxruntime.InferenceSession.create(path("m/graph.onnx"), { logSeverityLevel: 3 });
    found = (await session.run({ input })).output.data as Float32Array;
    await session.release();
  });
  return found;
}

function random(count: number, seed: number): Float32Array {
  const stream = new MersenneTwister(seed);
  return Float32Array.from({ length: count }, () => stream.random() - 0.5);
}

const ROWS = 24;

/** Matrices of many widths and types, each with the blocks that it is held in. */
const MATRICES: readonly (readonly [name: string, LinearWeights, BlockFormat])[] = [
  ...STORED.map((dtype) => [`${dtype} as stored`, stored(dtype, ROWS, 512).part, storedBlocks([dtype])!] as const),
  ...[32, 33, 100, 172, 864].flatMap((columns) =>
    ([["int8", INT8_BLOCKS], ["int4", INT4_BLOCKS]] as const).map(([name, format]) => {
      const values = random(ROWS * columns, columns);
      const part = { name, outputs: ROWS, inputs: columns, dtypes: ["F32"], read: () => values, readBlocks: () => [] };
      return [`${name}, ${columns} columns`, part, format] as const;
    })
  ),
];

Deno.test("products with blocks are those of what the blocks stand for, whatever the width and the type", async () => {
  for (const [name, weights, format] of MATRICES) {
    const { inputs } = weights;
    const matrix = dequantized(format.quantize(weights, inputs), format, inputs);
    for (const tokens of [1, 9]) {
      const values = random(tokens * inputs, 3);
      const input = new onnxruntime.Tensor("float32", values, [1, tokens, inputs]);
      const found = await run((graph, x) => blockProduct(graph, x, weights, format), input, ELEMENT.float32);
      const expected = Float64Array.from({ length: tokens * ROWS }, (_, index) => {
        const [token, row] = [Math.floor(index / ROWS), index % ROWS];
        let sum = 0;
        for (let at = 0; at < inputs; at++) sum += values[token * inputs + at] * matrix[row * inputs + at];
        return sum;
      });
      const error = difference(found, expected) / largest(expected);
      assert(error < 0.03, `${name}, ${tokens} tokens: ${error}`);
    }
  }
});

Deno.test("rows that are looked up are what the blocks stand for", async () => {
  const ids = new onnxruntime.Tensor("int64", BigInt64Array.of(0n, 23n, 7n), [1, 3]);
  for (const [name, weights, format] of MATRICES.filter(([, , format]) => format.bits === 8)) {
    const { inputs } = weights;
    const matrix = dequantized(format.quantize(weights, inputs), format, inputs);
    const found = await run((graph, id) => blockLookup(graph, id, weights, format), ids, ELEMENT.int64);
    const expected = [0, 23, 7].flatMap((row) => [...matrix.subarray(row * inputs, (row + 1) * inputs)]);
    assertEquals(found.length, expected.length, name);
    assert(difference(found, expected) / largest(expected) < 1e-6, name);
  }
});
