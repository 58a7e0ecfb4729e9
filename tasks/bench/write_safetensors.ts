/** Element types that are written, each with its bytes. */
const BYTES = { F32: 4, BF16: 2 } as const;

/** What a file of weights is written from. */
export interface SafetensorsContent {
  /** How numbers are stored. */
  readonly dtype: keyof typeof BYTES;
  /** Shapes by name, in the order in which they are written. */
  readonly shapes: Iterable<readonly [name: string, shape: readonly number[]]>;
  /** One tensor's numbers, as bytes. */
  readonly bytesOf: (name: string, shape: readonly number[]) => Uint8Array;
}

/** Writes a new file in the safetensors format, one tensor after the other, so that memory holds one. */
export function writeSafetensors(path: string, { dtype, shapes, bytesOf }: SafetensorsContent): void {
  const tensors = [...shapes];
  const header: Record<string, unknown> = {};
  let end = 0;
  for (const [name, shape] of tensors) {
    const bytes = BYTES[dtype] * shape.reduce((product, size) => product * size, 1);
    header[name] = { dtype, shape, data_offsets: [end, end + bytes] };
    end += bytes;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const padded = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  padded.set(text);
  using file = Deno.openSync(path, { write: true, createNew: true });
  const write = (bytes: Uint8Array) => {
    for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
  };
  write(new Uint8Array(BigUint64Array.of(BigInt(padded.length)).buffer));
  write(padded);
  for (const [name, shape] of tensors) write(bytesOf(name, shape));
}
