import type { ByteSource } from "../../../files/byte_source.ts";
import { TENSOR_FORMATS, type TensorFormat } from "../tensor_format.ts";
import { quoted } from "../../../files/quoted.ts";

// Caps on what a GGUF file may claim: each is far above any real file, and low enough that a false claim costs nothing.

/** Bytes of a key: the format's own limit. */
const MAX_KEY_BYTES = 65_535;
/** Bytes of a text value: the longest known, chat templates, stay below 100 KB. */
const MAX_TEXT_BYTES = 1 << 24;
/** Bytes of a tensor's name: the format says 64, some writers go a little past it. */
const MAX_TENSOR_NAME_BYTES = 256;
/** Elements of a list: the longest known are the merges of vocabularies of 262,144 tokens, about twice as many. */
const MAX_LIST_LENGTH = 1 << 22;
/** Entries of metadata: real files have some 40. */
const MAX_METADATA_ENTRIES = 1 << 16;
/** Bytes of all metadata: a vocabulary of 262,144 tokens with scores, types and merges takes some 20 MB. */
const MAX_METADATA_BYTES = 1 << 26;
/** Tensors: a model of 126 layers has some 1,200. */
const MAX_TENSORS = 1 << 16;
/** Dimensions of a tensor: ggml's own limit. */
const MAX_DIMENSIONS = 4;
/** Values of a tensor: 8 GB as float32, what one typed array can hold and no supported model needs. */
export const MAX_TENSOR_VALUES = 2 ** 31;
/** Bytes tensors are aligned to: 32 unless the file says otherwise; pages of 64 KB are the largest in use. */
const MAX_ALIGNMENT = 1 << 16;

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
  const { version, tensorCount, metadata } = readHead(cursor);
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

/**
 * Reads the metadata of a GGUF file alone: whatever its tensors are, also of one part of a split file.
 *
 * @throws {SyntaxError} if the metadata is malformed or cut short
 * @throws {RangeError} if the file's version is not supported
 */
export function readGgufMetadata(source: ByteSource): Metadata {
  return readHead(new ByteCursor(source)).metadata;
}

/** What stands before the table of tensors; the cursor is left there. */
function readHead(cursor: ByteCursor): { version: number; tensorCount: number; metadata: Metadata } {
  cursor.expect(24, "a GGUF header");
  const magic = cursor.value(
    4,
    (view, at) => String.fromCharCode(...[0, 1, 2, 3].map((byte) => view.getUint8(at + byte))),
  );
  if (magic !== MAGIC) throw new SyntaxError(`Cannot read GGUF as the file begins with ${quoted(magic)}`);
  const version = checkVersion(cursor.uint32());
  const tensorCount = cursor.count("tensors", MAX_TENSORS);
  const metadata = readMetadata(cursor, cursor.count("metadata entries", MAX_METADATA_ENTRIES));
  return { version, tensorCount, metadata };
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
  if (/\p{Cc}/u.test(name)) {
    throw new SyntaxError(`Cannot read GGUF as the name of tensor ${quoted(name)} has a control character`);
  }
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

/** A metadata value; 64-bit integers become numbers. */
export type MetadataValue = number | boolean | string | readonly MetadataValue[];

/** The metadata of a GGUF file, by key (`llama.block_count`). */
export type Metadata = ReadonlyMap<string, MetadataValue>;

interface ValueType {
  /** The fewest bytes of a value. */
  readonly bytes: number;
  read(cursor: ByteCursor, key: string): MetadataValue;
}

/** Reads a value of some bytes, little-endian. */
type ViewReader<Value> = (view: DataView, at: number) => Value;

const LIST = 9;

/** The value types by their number in the file; 9 is a list. */
const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
  0: numberType(1, (view, at) => view.getUint8(at)),
  1: numberType(1, (view, at) => view.getInt8(at)),
  2: numberType(2, (view, at) => view.getUint16(at, true)),
  3: numberType(2, (view, at) => view.getInt16(at, true)),
  4: numberType(4, (view, at) => view.getUint32(at, true)),
  5: numberType(4, (view, at) => view.getInt32(at, true)),
  6: numberType(4, (view, at) => view.getFloat32(at, true)),
  7: { bytes: 1, read: readFlag },
  8: { bytes: 8, read: (cursor, key) => cursor.text(`the text of ${key}`, MAX_TEXT_BYTES) },
  [LIST]: { bytes: 12, read: readList },
  10: numberType(8, (view, at) => Number(view.getBigUint64(at, true))),
  11: numberType(8, (view, at) => Number(view.getBigInt64(at, true))),
  12: numberType(8, (view, at) => view.getFloat64(at, true)),
};

function numberType(bytes: number, read: ViewReader<number>): ValueType {
  return { bytes, read: (cursor) => cursor.value(bytes, read) };
}

/** The fewest bytes of an entry: an empty key's length, a type, a flag. */
const MIN_ENTRY_BYTES = 13;

/** Reads `count` entries. Throws a SyntaxError where they are malformed. */
function readMetadata(cursor: ByteCursor, count: number): Metadata {
  cursor.expect(count * MIN_ENTRY_BYTES, `${count} metadata entries`);
  const metadata = new Map<string, MetadataValue>();
  for (let entry = 0; entry < count; entry++) {
    const key = cursor.text("a metadata key", MAX_KEY_BYTES);
    if (metadata.has(key)) throw new SyntaxError(`Cannot read the metadata as the key ${key} is there twice`);
    metadata.set(key, valueType(cursor.uint32(), key).read(cursor, key));
    if (cursor.position > MAX_METADATA_BYTES) {
      throw new SyntaxError(`Cannot read the metadata as ${key} ends past the limit of ${MAX_METADATA_BYTES} bytes`);
    }
  }
  return metadata;
}

function valueType(type: number, key: string): ValueType {
  const found = VALUE_TYPES[type];
  if (found === undefined) throw new SyntaxError(`Cannot read ${key} as its value type ${type} is not one of 0 to 12`);
  return found;
}

function readFlag(cursor: ByteCursor, key: string): boolean {
  const value = cursor.value(1, (view, at) => view.getUint8(at));
  if (value > 1) throw new SyntaxError(`Cannot read ${key} as a flag is 0 or 1: current value is ${value}`);
  return value === 1;
}

function readList(cursor: ByteCursor, key: string): readonly MetadataValue[] {
  const type = cursor.uint32();
  if (type === LIST) throw new SyntaxError(`Cannot read ${key} as it is a list of lists, which no known model uses`);
  const element = valueType(type, key);
  const length = cursor.count(`elements of ${key}`, MAX_LIST_LENGTH);
  cursor.expect(length * element.bytes, `${length} elements of ${key}`);
  return Array.from({ length }, () => element.read(cursor, key));
}

/** Bytes fetched from the source at once. */
const WINDOW_BYTES = 1 << 20;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads values one after another. Running past the end is a SyntaxError that says where. */
class ByteCursor {
  readonly #source: ByteSource;
  #window: Uint8Array = new Uint8Array(0);
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Offset of the window in the source, and of the next byte in the window. */
  #start = 0;
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Bytes read so far. */
  get position(): number {
    return this.#start + this.#at;
  }

  /** Bytes left. */
  get remaining(): number {
    return this.#source.size - this.position;
  }

  /** The next value, of `length` bytes. */
  value<Value>(length: number, read: ViewReader<Value>): Value {
    const at = this.#take(length);
    return read(this.#view, at);
  }

  uint32(): number {
    return this.value(4, (view, at) => view.getUint32(at, true));
  }

  uint64(): bigint {
    return this.value(8, (view, at) => view.getBigUint64(at, true));
  }

  /** A 64-bit count of `what`; a SyntaxError if it is more than `limit`. */
  count(what: string, limit: number): number {
    const count = this.uint64();
    if (count > BigInt(limit)) {
      throw new SyntaxError(`Cannot read ${what} as the file claims ${count} of them: the limit is ${limit}`);
    }
    return Number(count);
  }

  /** UTF-8 text after its 64-bit length in bytes, of which there may be `limit`. */
  text(what: string, limit: number): string {
    const length = this.count(`bytes of ${what}`, limit);
    const at = this.#take(length);
    try {
      return utf8.decode(this.#window.subarray(at, at + length));
    } catch {
      throw new SyntaxError(`Cannot read ${what} at byte ${this.position - length} as it is not UTF-8`);
    }
  }

  /** Throws a SyntaxError unless there are `length` more bytes for `what`. */
  expect(length: number, what: string): void {
    if (length <= this.remaining) return;
    throw new SyntaxError(
      `Cannot read ${what} at byte ${this.position} as it takes ${length} bytes and ${this.remaining} are left: ` +
        "the file is cut short or damaged",
    );
  }

  /** Moves past `length` bytes and gives their offset in the window, which it may replace: call it before reading. */
  #take(length: number): number {
    if (this.#at + length > this.#window.length) this.#fill(length);
    const at = this.#at;
    this.#at += length;
    return at;
  }

  #fill(length: number): void {
    this.expect(length, `${length} bytes`);
    this.#start += this.#at;
    this.#at = 0;
    const window = this.#source.read(this.#start, Math.min(Math.max(length, WINDOW_BYTES), this.remaining));
    this.#window = window;
    this.#view = new DataView(window.buffer, window.byteOffset, window.length);
  }
}
