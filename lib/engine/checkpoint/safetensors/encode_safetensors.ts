import { writeAll } from "../../../files/write_atomic.ts";

/** Bytes of a value, by the types that are written. */
const VALUE_BYTES = { F32: 4, BF16: 2 } as const;

/** The content of a safetensors file. */
export interface SafetensorsContent {
  /** The type of all tensors. */
  readonly dtype: keyof typeof VALUE_BYTES;
  /** Shapes by name, in the order in which they are written. */
  readonly shapes: Iterable<readonly [name: string, shape: readonly number[]]>;
  /** The file's notes about itself. */
  readonly notes?: Readonly<Record<string, string>>;
  /** One tensor's numbers, as bytes. */
  readonly bytesOf: (name: string, shape: readonly number[]) => Uint8Array;
}

/**
 * Encodes a safetensors file (https://github.com/huggingface/safetensors#format), piece by piece: the header, then one
 * tensor after the other, so that memory holds one tensor.
 */
export function* encodeSafetensors(content: SafetensorsContent): Generator<Uint8Array, void, undefined> {
  const { dtype, notes, bytesOf } = content;
  const tensors = [...content.shapes];
  const header: Record<string, unknown> = notes === undefined ? {} : { __metadata__: notes };
  let end = 0;
  for (const [name, shape] of tensors) {
    const bytes = VALUE_BYTES[dtype] * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  // The format wants the data at a multiple of eight bytes.
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  yield new Uint8Array(BigUint64Array.of(BigInt(padded.length)).buffer);
  yield padded;
  for (const [name, shape] of tensors) yield bytesOf(name, shape);
}

/** Writes a new safetensors file: see {@linkcode encodeSafetensors}. */
export function writeSafetensors(path: string, content: SafetensorsContent): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  for (const piece of encodeSafetensors(content)) writeAll(file, piece);
}
