import type { ByteSource } from "../../../files/byte_source.ts";
import { TENSOR_FORMATS, type TensorFormat } from "../tensor_format.ts";
import { ByteCursor } from "./byte_cursor.ts";
import {
  MAX_ALIGNMENT,
  MAX_DIMENSIONS,
  MAX_METADATA_ENTRIES,
  MAX_TENSOR_NAME_BYTES,
  MAX_TENSOR_VALUES,
  MAX_TENSORS,
} from "./limits.ts";
import { type Metadata, readMetadata } from "./read_metadata.ts";

/** A tensor's entry in a GGUF file. */
export interface GgufTensor {
  readonly name: string;
  /** Outermost first, as Hugging Face has it: `[out, in]` for a linear layer. */
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly format: TensorFormat;
  /** Values in all. */
  readonly count: number;
  /** Bytes from the beginning of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

/** The table of contents of a GGUF file. */
export interface Gguf {
  readonly version: number;
  readonly metadata: Metadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

const MAGIC = "GGUF";
const VERSIONS = [2, 3];
const DEFAULT_ALIGNMENT = 32;
/** The fewest bytes of a tensor's entry: an empty name's length, no dimension, a type, an offset. */
const MIN_TENSOR_BYTES = 24;

/**
 * Reads the table of contents of a GGUF file, version 2 or 3
 * (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md); weights are not read.
 *
 * @throws {SyntaxError} if the file is malformed: cut short, or with impossible lengths, offsets or names
 * @throws {RangeError} if its version or the type of a tensor is not supported
 */
export function readGguf(source: ByteSource): Gguf {
  const cursor = new ByteCursor(source);
  cursor.expect(24, "a GGUF header");
  const magic = String.fromCharCode(cursor.uint8(), cursor.uint8(), cursor.uint8(), cursor.uint8());
  if (magic !== MAGIC) throw new SyntaxError(`Cannot read GGUF as the file begins with ${JSON.stringify(magic)}`);
  const version = checkVersion(cursor.uint32());
  const tensorCount = cursor.count("tensors", MAX_TENSORS);
  const metadata = readMetadata(cursor, cursor.count("metadata entries", MAX_METADATA_ENTRIES));
  cursor.expect(tensorCount * MIN_TENSOR_BYTES, `the table of ${tensorCount} tensors`);
  const alignment = readAlignment(metadata);
  const entries = Array.from({ length: tensorCount }, () => readTensorEntry(cursor, alignment));
  const dataStart = Math.ceil(cursor.position / alignment) * alignment;
  const tensors = new Map<string, GgufTensor>();
  for (const entry of entries) {
    if (tensors.has(entry.name)) throw new SyntaxError(`Cannot read GGUF as it holds the tensor ${entry.name} twice`);
    tensors.set(entry.name, { ...entry, offset: dataStart + entry.offset });
  }
  checkSpans([...tensors.values()], source.size);
  return { version, metadata, tensors };
}

function checkVersion(version: number): number {
  if (VERSIONS.includes(version)) return version;
  const swapped = version >>> 24;
  const found = VERSIONS.includes(swapped) ? `${swapped} in big-endian order` : `${version}`;
  throw new RangeError(
    `Cannot read GGUF of version ${found}: the versions are ${VERSIONS.join(" and ")}, little-endian`,
  );
}

function readAlignment(metadata: Metadata): number {
  const alignment = metadata.get("general.alignment") ?? DEFAULT_ALIGNMENT;
  const power = typeof alignment === "number" && Number.isInteger(Math.log2(alignment));
  if (power && alignment >= 1 && alignment <= MAX_ALIGNMENT) return alignment;
  throw new SyntaxError(
    `Cannot read GGUF as general.alignment must be a power of two up to ${MAX_ALIGNMENT}: current value is ${alignment}`,
  );
}

function readTensorEntry(cursor: ByteCursor, alignment: number): GgufTensor {
  const name = cursor.text("a tensor's name", MAX_TENSOR_NAME_BYTES);
  const dimensions = cursor.uint32();
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
    throw new SyntaxError(
      `Cannot read tensor ${name} as it has ${dimensions} dimensions: 1 to ${MAX_DIMENSIONS} can be`,
    );
  }
  const extents = Array.from({ length: dimensions }, () => cursor.uint64());
  const type = cursor.uint32();
  const offset = cursor.uint64();
  const [dtype, format] = tensorFormat(name, type);
  const count = extents.reduce((product, extent) => product * extent, 1n);
  if (count < 1n || count > BigInt(MAX_TENSOR_VALUES)) {
    throw new SyntaxError(
      `Cannot read tensor ${name} as its shape [${extents}] has ${count} values: 1 to ${MAX_TENSOR_VALUES} can be`,
    );
  }
  if (extents[0] % BigInt(format.blockLength) !== 0n) {
    throw new SyntaxError(
      `Cannot read tensor ${name} as its rows have ${
        extents[0]
      } values, not a multiple of ${dtype}'s ${format.blockLength}`,
    );
  }
  if (offset % BigInt(alignment) !== 0n) {
    throw new SyntaxError(`Cannot read tensor ${name} as its offset ${offset} is not a multiple of ${alignment}`);
  }
  const byteLength = (Number(count) / format.blockLength) * format.blockBytes;
  return {
    name,
    shape: extents.map(Number).reverse(),
    dtype,
    format,
    count: Number(count),
    offset: Number(offset),
    byteLength,
  };
}

function tensorFormat(name: string, type: number): [string, TensorFormat] {
  const dtype = TENSOR_TYPE_NAMES[type];
  const format = dtype === undefined ? undefined : TENSOR_FORMATS[dtype];
  if (format !== undefined) return [dtype, format];
  throw new RangeError(
    `Cannot read tensor ${name} of type ${dtype ?? type}: the supported types are ${
      Object.keys(TENSOR_FORMATS).join(", ")
    }`,
  );
}

/** Checks that every tensor lies inside the file, and that no two overlap. */
function checkSpans(tensors: GgufTensor[], size: number): void {
  tensors.sort((one, other) => one.offset - other.offset);
  let previous: GgufTensor | undefined;
  for (const tensor of tensors) {
    const end = tensor.offset + tensor.byteLength;
    if (end > size) {
      throw new SyntaxError(
        `Cannot read tensor ${tensor.name} as it ends at byte ${end} and the file has ${size}: it is cut short or damaged`,
      );
    }
    if (previous !== undefined && tensor.offset < previous.offset + previous.byteLength) {
      throw new SyntaxError(`Cannot read GGUF as the tensors ${previous.name} and ${tensor.name} overlap`);
    }
    previous = tensor;
  }
}

/**
 * The names of ggml's tensor types by their number in a file (enum ggml_type; the missing numbers are retired types).
 * `tensor_format.ts` has the readable types; the others are here so that errors can name them.
 */
export const TENSOR_TYPE_NAMES: Readonly<Record<number, string>> = {
  0: "F32",
  1: "F16",
  2: "Q4_0",
  3: "Q4_1",
  6: "Q5_0",
  7: "Q5_1",
  8: "Q8_0",
  9: "Q8_1",
  10: "Q2_K",
  11: "Q3_K",
  12: "Q4_K",
  13: "Q5_K",
  14: "Q6_K",
  15: "Q8_K",
  16: "IQ2_XXS",
  17: "IQ2_XS",
  18: "IQ3_XXS",
  19: "IQ1_S",
  20: "IQ4_NL",
  21: "IQ3_S",
  22: "IQ2_S",
  23: "IQ4_XS",
  24: "I8",
  25: "I16",
  26: "I32",
  27: "I64",
  28: "F64",
  29: "IQ1_M",
  30: "BF16",
  34: "TQ1_0",
  35: "TQ2_0",
  39: "MXFP4",
  40: "NVFP4",
};
