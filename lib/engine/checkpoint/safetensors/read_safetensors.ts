import type { ByteSource } from "../../../files/byte_source.ts";
import { parseJsonObject } from "../../../files/json_object.ts";
import { quoted } from "../../../files/quoted.ts";

/** A tensor's entry in a safetensors file. */
export interface SafeTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** As the format names it: `F32`, `BF16`, `I64`. */
  readonly dtype: string;
  /** Values in all. */
  readonly count: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
}

/** Bytes of the header: a file of 10,000 tensors has some 1.5 MB. */
const MAX_HEADER_BYTES = 1 << 23;
/** What a header begins with: no white space, and no byte order mark. */
const OPENING = 0x7b;
/** Values of a tensor: 8 GB as float32, what one typed array can hold and no supported model needs. */
const MAX_TENSOR_VALUES = 2 ** 31;
/** The key of a file's notes about itself. */
const NOTES = "__metadata__";

/** Bytes of a value, by the format's names of types. No supported model has types of less than a byte. */
const VALUE_BYTES: ReadonlyMap<string, number> = new Map([
  ...["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"].map((name) =>
    [name, 1] as const
  ),
  ...["I16", "U16", "F16", "BF16"].map((name) => [name, 2] as const),
  ...["I32", "U32", "F32"].map((name) => [name, 4] as const),
  ...["I64", "U64", "F64", "C64"].map((name) => [name, 8] as const),
]);

/**
 * Reads the header of a safetensors file (https://github.com/huggingface/safetensors#format); weights are not
 * read. As the format demands, the tensors cover the file after its header exactly: no hole, no overlap.
 *
 * @throws {SyntaxError} if the file is malformed
 */
export function readSafetensors(source: ByteSource): Map<string, SafeTensor> {
  if (source.size < 8) {
    throw new SyntaxError(`Cannot read safetensors as the file has ${source.size} bytes: it is cut short`);
  }
  const lengthBytes = source.read(0, 8);
  const length = new DataView(lengthBytes.buffer, lengthBytes.byteOffset, 8).getBigUint64(0, true);
  const limit = Math.min(MAX_HEADER_BYTES, source.size - 8);
  if (length > BigInt(limit)) {
    throw new SyntaxError(`Cannot read safetensors as its header claims ${length} bytes: at most ${limit} can be`);
  }
  const bytes = source.read(8, Number(length));
  if (bytes.length > 0 && bytes[0] !== OPENING) {
    throw new SyntaxError(`Cannot read safetensors as its header begins with byte ${bytes[0]}: it must begin with {`);
  }
  const header = parseJsonObject(bytes, "the safetensors header");
  const dataStart = 8 + Number(length);
  const spans = Object.entries(header).filter(([name]) => name !== NOTES).map(([name, entry]) =>
    readEntry(name, entry)
  );
  checkCoverage(spans, source.size - dataStart);
  return new Map(spans.map(({ begin, end: _, ...tensor }) => [tensor.name, { ...tensor, offset: dataStart + begin }]));
}

interface Span extends Omit<SafeTensor, "offset"> {
  readonly begin: number;
  readonly end: number;
}

function readEntry(name: string, entry: unknown): Span {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (!isSizes(shape)) fail(name, "its shape must be a list of whole numbers", shape);
  if (!isSizes(offsets) || offsets.length !== 2) fail(name, "its data_offsets must be two whole numbers", offsets);
  const bytes = VALUE_BYTES.get(dtype as string);
  if (bytes === undefined) fail(name, "its dtype must be one of the format's", dtype);
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (count > MAX_TENSOR_VALUES) fail(name, `its shape must have at most ${MAX_TENSOR_VALUES} values`, shape);
  const [begin, end] = offsets;
  if (end - begin !== count * bytes) {
    fail(name, `its data_offsets must span the ${count * bytes} bytes of ${dtype} ${quoted(shape)}`, offsets);
  }
  return { name, shape, dtype: dtype as string, count, begin, end };
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function checkCoverage(spans: readonly Span[], size: number): void {
  let end = 0;
  for (const span of spans.toSorted((one, other) => one.begin - other.begin || one.end - other.end)) {
    if (span.begin !== end) fail(span.name, `its data must begin where the last tensor's ends, at ${end}`, span.begin);
    end = span.end;
  }
  if (end !== size) {
    throw new SyntaxError(
      `Cannot read safetensors as its tensors end at byte ${end} of the ${size} after the header: it is cut short or damaged`,
    );
  }
}

function fail(name: string, rule: string, value: unknown): never {
  const current = quoted(value);
  throw new SyntaxError(`Cannot read tensor ${name} as ${rule}: current value is ${current}`);
}
