import { ByteWriter } from "../byte_writer.ts";

/** A metadata value: its type in the file follows from its kind; a list's from its first element. */
export type Value = number | boolean | string | readonly Value[];

/** A tensor to write. Extents are in the file's order: the innermost first. */
export interface TensorToWrite {
  readonly extents: readonly (number | bigint)[];
  readonly type: number;
  readonly data: Uint8Array;
  /** Where the file says the data is; by default where it is. */
  readonly offset?: number | bigint;
}

/** A file to write; every number in it may be a lie. */
export interface GgufToWrite {
  readonly version?: number;
  readonly metadata?: readonly (readonly [string, Value])[];
  readonly tensors?: readonly (readonly [string, TensorToWrite])[];
  readonly tensorCount?: number | bigint;
  readonly entryCount?: number | bigint;
  readonly alignment?: number;
}

const INTEGER = 4, FLOAT = 6, FLAG = 7, TEXT = 8, LIST = 9;

/** Writes a GGUF file. */
export function ggufBytes(file: GgufToWrite): Uint8Array {
  const { version = 3, metadata = [], tensors = [], alignment = 32 } = file;
  const writer = new ByteWriter().ascii("GGUF").uint32(version)
    .uint64(file.tensorCount ?? tensors.length).uint64(file.entryCount ?? metadata.length);
  for (const [key, value] of metadata) {
    writeText(writer, key);
    writer.uint32(typeOf(value));
    writeValue(writer, value);
  }
  let offset = 0;
  for (const [name, tensor] of tensors) {
    writeText(writer, name);
    writer.uint32(tensor.extents.length);
    for (const extent of tensor.extents) writer.uint64(extent);
    writer.uint32(tensor.type).uint64(tensor.offset ?? offset);
    offset += Math.ceil(tensor.data.length / alignment) * alignment;
  }
  for (const [, { data }] of tensors) writer.pad(alignment).raw(...data);
  return writer.done();
}

function typeOf(value: Value): number {
  if (Array.isArray(value)) return LIST;
  if (typeof value === "number") return Number.isInteger(value) ? INTEGER : FLOAT;
  return typeof value === "boolean" ? FLAG : TEXT;
}

function writeValue(writer: ByteWriter, value: Value): void {
  if (typeof value === "string") writeText(writer, value);
  else if (typeof value === "boolean") writer.raw(value ? 1 : 0);
  else if (typeof value === "number") typeOf(value) === INTEGER ? writer.uint32(value) : writer.float32(value);
  else {
    writer.uint32(value.length === 0 ? INTEGER : typeOf(value[0])).uint64(value.length);
    for (const element of value) writeValue(writer, element);
  }
}

function writeText(writer: ByteWriter, text: string): void {
  writer.uint64(new TextEncoder().encode(text).length).ascii(text);
}

/** float32 data of a tensor. */
export function floats(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
