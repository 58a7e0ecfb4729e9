import { ByteWriter } from "../byte_writer.ts";

/** Writes a safetensors file from its header's text, which may lie, and its data. */
export function safetensorsBytes(header: string, data: Uint8Array, headerLength?: number | bigint): Uint8Array {
  const length = new TextEncoder().encode(header).length;
  return new ByteWriter().uint64(headerLength ?? length).ascii(header).raw(...data).done();
}

/** A tensor to write: its values in the type's bytes. */
export interface TensorToWrite {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Writes a sound safetensors file. */
export function tensorsFile(tensors: Readonly<Record<string, TensorToWrite>>): Uint8Array {
  let end = 0;
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [end, end += data.length] };
  }
  const bytes = Object.values(tensors).flatMap(({ data }) => [...data]);
  return safetensorsBytes(JSON.stringify(header), Uint8Array.from(bytes));
}
