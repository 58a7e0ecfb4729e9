import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import * as onnxruntime from "onnxruntime-node";
import { readBlocks, readValues, TENSOR_FORMATS } from "../../../lib/engine/checkpoint/tensor_format.ts";
import type { RowSpan } from "kvmirror/engine";
import { WeightPlan, writeWeights } from "../../../lib/engine/graph/model_files.ts";
import { ELEMENT, GraphBuilder } from "../../../lib/engine/graph/onnx_graph.ts";
import {
  type BlockFormat,
  hadamard,
  INT4_BLOCKS,
  INT8_BLOCKS,
  type MatrixPart,
  quantizeChannels,
  type QuantizedBlocks,
  rotationLength,
  storedBlocks,
  transpose,
} from "../../../lib/engine/graph/quantized_weights.ts";
import {
  blockLookup,
  blockProduct,
  floatLookup,
  floatProduct,
  integerProduct,
  type LinearWeights,
} from "../../../lib/engine/graph/weights.ts";
import { INTEGER_PRODUCTS, knownIntegerProducts } from "../../../lib/engine/runtime/integer_products.ts";
import { memorySource } from "../../../lib/files/byte_source.ts";
import { MersenneTwister } from "../../../lib/numeric/mersenne_twister.ts";
import { withFolder } from "../../fixtures/with_folder.ts";
import goldens from "../../goldens/tensor_formats.json" with { type: "json" };

/** By type, where a block has float16 numbers. */
const GOLDENS: Readonly<Record<string, { readonly floats: readonly number[] }>> = goldens;
const STORED = Object.keys(TENSOR_FORMATS).filter((dtype) => TENSOR_FORMATS[dtype].layout !== undefined);

/** A matrix of one part. */
function matrix(name: string, part: MatrixPart): LinearWeights {
  return { name, outputs: part.rows, inputs: part.columns, parts: [part] };
}

function floatPart(values: Float32Array<ArrayBuffer>, columns: number): MatrixPart {
  const read = ({ start, end }: RowSpan) => values.subarray(start * columns, end * columns);
  return { rows: values.length / columns, columns, dtype: "F32", read, readBlocks: () => undefined };
}

const all = ({ rows }: MatrixPart): RowSpan => ({ start: 0, end: rows });

/** Random blocks whose scales are numbers of everyday size. */
function stored(dtype: string, rows: number, columns: number): { values: Float32Array; part: MatrixPart } {
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
  const bytesBefore = (row: number) => (row * columns / format.blockLength) * format.blockBytes;
  const part: MatrixPart = {
    ...{ rows, columns, dtype },
    read: ({ start, end }) => readValues(source, bytesBefore(start), (end - start) * columns, format),
    readBlocks: ({ start, end }) => readBlocks(source, bytesBefore(start), (end - start) * columns, format),
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
      const found = dequantized(format.quantize(part, all(part)), format, 512);
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
  for (const { values, part } of parts) {
    const found = dequantized(format.quantize(part, all(part)), format, 256);
    assert(difference(found, values) / largest(values) < 3e-7);
  }
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
    const plan = new WeightPlan("weights.bin");
    const graph = new GraphBuilder(plan);
    const name = graph.input("input", type, input.dims);
    graph.node("Identity", [build(graph, name)], ["output"]);
    graph.output("output", ELEMENT.float32, [1, "S", "N"]);
    Deno.writeFileSync(path("m/graph.onnx"), graph.encode());
    using weights = Deno.openSync(path("m/weights.bin"), { write: true, createNew: true });
    await writeWeights(weights, plan);
    const session = await onnxruntime.InferenceSession.create(path("m/graph.onnx"), {
      logSeverityLevel: 3,
      extra: INTEGER_PRODUCTS[await knownIntegerProducts()], // as the engine opens them
    });
    found = (await session.run({ input })).output.data as Float32Array;
    await session.release();
  });
  return found;
}

function random(count: number, seed: number): Float32Array<ArrayBuffer> {
  const stream = new MersenneTwister(seed);
  return Float32Array.from({ length: count }, () => stream.random() - 0.5);
}

const ROWS = 24;

/** Matrices of many widths and types, each with the blocks that it is held in. */
const MATRICES: readonly (readonly [name: string, LinearWeights, BlockFormat])[] = [
  ...STORED.map((dtype) =>
    [`${dtype} as stored`, matrix(dtype, stored(dtype, ROWS, 512).part), storedBlocks([dtype])!] as const
  ),
  ...[32, 33, 100, 172, 864].flatMap((columns) =>
    ([["int8", INT8_BLOCKS], ["int4", INT4_BLOCKS]] as const).map(([name, format]) => {
      const part = floatPart(random(ROWS * columns, columns), columns);
      return [`${name}, ${columns} columns`, matrix(name, part), format] as const;
    })
  ),
];

Deno.test("products with blocks are those of what the blocks stand for, whatever the width and the type", async () => {
  for (const [name, weights, format] of MATRICES) {
    const { inputs, parts: [part] } = weights;
    const matrix = dequantized(format.quantize(part, all(part)), format, inputs);
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
    const { inputs, parts: [part] } = weights;
    const matrix = dequantized(format.quantize(part, all(part)), format, inputs);
    const found = await run((graph, id) => blockLookup(graph, id, weights, format), ids, ELEMENT.int64);
    const expected = [0, 23, 7].flatMap((row) => [...matrix.subarray(row * inputs, (row + 1) * inputs)]);
    assertEquals(found.length, expected.length, name);
    assert(difference(found, expected) / largest(expected) < 1e-6, name);
  }
});

/** The file of a plan. */
function contentOf(plan: WeightPlan): Uint8Array {
  const content = new Uint8Array(plan.length);
  for (const { offset, bytes } of plan.content()) content.set(bytes, offset);
  return content;
}

Deno.test("rows are quantized alike whatever others are read with them", () => {
  const formats: [BlockFormat, MatrixPart][] = [
    ...[INT8_BLOCKS, INT4_BLOCKS].map((
      format,
    ): [BlockFormat, MatrixPart] => [format, floatPart(random(9 * 100, 1), 100)]),
    ...STORED.map((dtype): [BlockFormat, MatrixPart] => [storedBlocks([dtype])!, stored(dtype, 9, 512).part]),
  ];
  const bytesOf = (blocks: QuantizedBlocks) =>
    Object.fromEntries(Object.entries(blocks).map(([part, { buffer }]) => [part, [...new Uint8Array(buffer)]]));
  fc.assert(fc.property(
    fc.constantFrom(...formats),
    fc.uniqueArray(fc.integer({ min: 1, max: 8 })),
    ([format, part], cuts) => {
      const ends = [...cuts.toSorted(), 9];
      const pieces = ends.map((end, index) => bytesOf(format.quantize(part, { start: ends[index - 1] ?? 0, end })));
      for (const [name, bytes] of Object.entries(bytesOf(format.quantize(part, all(part))))) {
        assertEquals(pieces.flatMap((piece) => piece[name]), bytes, name);
      }
    },
  ));
});

Deno.test("a matrix too large for one piece is written as if it were one", () => {
  const [rows, columns] = [2500, 2048]; // 5.1 million numbers: two pieces
  const part = floatPart(random(rows * columns, 5), columns);
  const halves = [{ ...part, rows: 1500 }, {
    ...part,
    rows: 1000,
    read: ({ start, end }: RowSpan) => part.read({ start: start + 1500, end: end + 1500 }),
  }];
  for (const parts of [[part], halves]) {
    const weights = { name: "w", outputs: rows, inputs: columns, parts };
    const written = (add: (graph: GraphBuilder) => void) => {
      const plan = new WeightPlan("");
      add(new GraphBuilder(plan));
      const content = contentOf(plan);
      return (name: string) => {
        const { offset, length } = plan.index.get(name)!;
        return content.slice(offset, offset + length);
      };
    };
    const all = part.read({ start: 0, end: rows });
    const same = (found: Uint8Array, expected: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>) => {
      const bytes = new Uint8Array(expected.buffer);
      assert(found.length === bytes.length && found.every((byte, index) => byte === bytes[index]));
    };
    same(written((graph) => floatProduct(graph, "x", weights))("w"), transpose(all, rows, columns));
    same(written((graph) => floatLookup(graph, "x", weights))("w"), all);
    const blocks = INT8_BLOCKS.quantize(part, { start: 0, end: rows });
    const find = written((graph) => blockProduct(graph, "x", weights, INT8_BLOCKS));
    same(find("w"), blocks.codes);
    same(find("w.scales"), blocks.scales);
  }
});

Deno.test("mins are written by block where a product takes them, by row where rows are looked up", () => {
  const { part } = stored("Q4_1", 7, 96);
  const format = storedBlocks(["Q4_1"], 8)!;
  const plan = new WeightPlan("");
  const graph = new GraphBuilder(plan);
  blockLookup(graph, "ids", matrix("w", part), format);
  blockProduct(graph, "x", matrix("w", part), format);
  const content = contentOf(plan);
  const found = (name: string) => {
    const { offset, length } = plan.index.get(name)!;
    return new Float32Array(content.buffer, offset, length / 4);
  };
  const { mins } = format.quantize(part, all(part));
  assertEquals(found("w.row_mins"), mins);
  assertEquals(found("w.mins"), transpose(mins!, 7, 3));
});

Deno.test("a rotation is Hadamard's matrix, as long as the row's width is a multiple of it", () => {
  assertEquals([...hadamard(4)], [1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1]);
  assertEquals([576, 1536, 896, 4864, 288, 100, 63, 1].map(rotationLength), [64, 64, 64, 64, 32, 4, 1, 1]);
  const rotation = hadamard(64);
  const square = (row: number, column: number) =>
    Array.from({ length: 64 }, (_, at) => rotation[row * 64 + at] * rotation[at * 64 + column]).reduce((a, b) => a + b);
  for (let row = 0; row < 64; row++) {
    for (let column = 0; column < 64; column++) assertEquals(square(row, column), row === column ? 64 : 0);
  }
});

Deno.test("a matrix by channel, rotated back, is the matrix to half a step of each row", () => {
  for (const columns of [1, 63, 100, 576]) {
    const part = floatPart(random(ROWS * columns, columns), columns);
    const { codes, scales } = quantizeChannels(part, all(part));
    const length = rotationLength(columns);
    const rotation = hadamard(length);
    const values = part.read(all(part));
    for (let row = 0; row < ROWS; row++) {
      for (let column = 0; column < columns; column++) {
        const start = column - column % length;
        let found = 0;
        for (let at = 0; at < length; at++) {
          found += codes[(start + at) * ROWS + row] * scales[row] * rotation[at * length + column % length];
        }
        // A number is a sum of `length` codes, each half a step off at most.
        const most = 0.5 * scales[row] * length * 1.0001;
        assert(Math.abs(found - values[row * columns + column]) <= most, `${columns} columns, row ${row}, ${column}`);
      }
    }
  }
});

/** Rows of activations as models have them: a few columns far larger than the others. */
function activations(tokens: number, columns: number): Float32Array<ArrayBuffer> {
  const values = random(tokens * columns, 11);
  for (let at = 0; at < values.length; at++) if (at % columns % 97 === 5) values[at] *= 60;
  return values;
}

Deno.test("products of whole numbers are near those of floats, whatever the width, also with outliers", async () => {
  for (const columns of [1, 63, 100, 288, 576, 4864]) {
    const part = floatPart(random(ROWS * columns, 3), columns);
    const weights = matrix(`m${columns}`, part);
    for (const tokens of [1, 9, 1000]) {
      const values = activations(tokens, columns);
      const input = new onnxruntime.Tensor("float32", values, [1, tokens, columns]);
      const found = await run((graph, x) => integerProduct(graph, x, weights), input, ELEMENT.float32);
      const exact = part.read(all(part));
      const checked = Math.min(tokens, 20);
      let [error, size] = [0, 0];
      for (let token = 0; token < checked; token++) {
        for (let row = 0; row < ROWS; row++) {
          let sum = 0;
          for (let at = 0; at < columns; at++) sum += values[token * columns + at] * exact[row * columns + at];
          error += (found[token * ROWS + row] - sum) ** 2;
          size += sum ** 2;
        }
      }
      const relative = Math.sqrt(error / size);
      assert(relative < (rotationLength(columns) === 64 ? 0.02 : 0.08), `${columns} columns, ${tokens}: ${relative}`);
    }
  }
});

Deno.test("a token's product is the same to the bit alone and among others", async () => {
  for (const columns of [100, 576, 1536]) {
    const weights = matrix("m", floatPart(random(ROWS * columns, 3), columns));
    const values = activations(300, columns);
    const product = async (from: number, tokens: number) => {
      const part = values.slice(from * columns, (from + tokens) * columns);
      const input = new onnxruntime.Tensor("float32", part, [1, tokens, columns]);
      return await run((graph, x) => integerProduct(graph, x, weights), input, ELEMENT.float32);
    };
    const together = await product(0, 300);
    for (const [from, tokens] of [[0, 1], [7, 1], [299, 1], [3, 4], [10, 64], [100, 200]]) {
      assertEquals(await product(from, tokens), together.slice(from * ROWS, (from + tokens) * ROWS));
    }
  }
});

Deno.test("rows of zeros give zeros, huge ones huge ones, and what is no number stays in its row", async () => {
  const columns = 128;
  const weights = matrix("m", floatPart(random(ROWS * columns, 3), columns));
  const values = random(5 * columns, 9);
  values.fill(0, 0, columns);
  for (let at = columns; at < 2 * columns; at++) values[at] *= 1e36;
  for (let at = 2 * columns; at < 3 * columns; at++) values[at] *= 1e-36;
  values[3 * columns + 17] = NaN;
  const found = await run(
    (graph, x) => integerProduct(graph, x, weights),
    new onnxruntime.Tensor("float32", values, [1, 5, columns]),
    ELEMENT.float32,
  );
  const row = (token: number) => found.subarray(token * ROWS, (token + 1) * ROWS);
  assert(row(0).every((value) => value === 0));
  for (const [token, scale] of [[1, 1e36], [2, 1e-36], [4, 1]]) {
    const exact = weights.parts[0].read({ start: 0, end: ROWS });
    const expected = Float64Array.from({ length: ROWS }, (_, of) => {
      let sum = 0;
      for (let at = 0; at < columns; at++) sum += values[token * columns + at] / scale * exact[of * columns + at];
      return sum;
    });
    assert(difference(row(token).map((value) => value / scale), expected) < 0.03 * largest(expected), `token ${token}`);
  }
  assert(row(3).every(Number.isNaN));
});
