import type { ByteCursor } from "./byte_cursor.ts";
import { MAX_KEY_BYTES, MAX_LIST_LENGTH, MAX_METADATA_BYTES, MAX_TEXT_BYTES } from "./limits.ts";

/** A metadata value; 64-bit integers become numbers. */
export type MetadataValue = number | boolean | string | readonly MetadataValue[];

/** The metadata of a GGUF file, by key (`llama.block_count`). */
export type Metadata = ReadonlyMap<string, MetadataValue>;

interface ValueType {
  /** The fewest bytes of a value. */
  readonly bytes: number;
  read(cursor: ByteCursor, key: string): MetadataValue;
}

const LIST = 9;

/** The value types by their number in the file; 9 is a list. */
const VALUE_TYPES: Readonly<Record<number, ValueType>> = {
  0: { bytes: 1, read: (cursor) => cursor.uint8() },
  1: { bytes: 1, read: (cursor) => cursor.int8() },
  2: { bytes: 2, read: (cursor) => cursor.uint16() },
  3: { bytes: 2, read: (cursor) => cursor.int16() },
  4: { bytes: 4, read: (cursor) => cursor.uint32() },
  5: { bytes: 4, read: (cursor) => cursor.int32() },
  6: { bytes: 4, read: (cursor) => cursor.float32() },
  7: { bytes: 1, read: readFlag },
  8: { bytes: 8, read: (cursor, key) => cursor.text(`the text of ${key}`, MAX_TEXT_BYTES) },
  [LIST]: { bytes: 12, read: readList },
  10: { bytes: 8, read: (cursor) => Number(cursor.uint64()) },
  11: { bytes: 8, read: (cursor) => Number(cursor.int64()) },
  12: { bytes: 8, read: (cursor) => cursor.float64() },
};

/** The fewest bytes of an entry: an empty key's length, a type, a flag. */
const MIN_ENTRY_BYTES = 13;

/** Reads `count` entries. Throws a SyntaxError where they are malformed. */
export function readMetadata(cursor: ByteCursor, count: number): Metadata {
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
  const value = cursor.uint8();
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
