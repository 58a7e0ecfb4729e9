/**
 * From this size on, buffers are resizable: they lie in pages of their own, which go back to the system at once when the
 * buffer shrinks, and growing moves nothing. Freed memory of ordinary buffers may stay with the process.
 */
const RESIZABLE_BYTES = 64 * 1024;

/** Address space, not memory: what a resizable buffer may grow to before it has to move. */
const RESERVED_GROWTH = 4;

/** Numbers for the vectors of rows, all 0: `[length]`. */
export function allocateNumbers(length: number): Float32Array<ArrayBuffer> {
  const bytes = length * Float32Array.BYTES_PER_ELEMENT;
  const buffer = bytes < RESIZABLE_BYTES
    ? new ArrayBuffer(bytes)
    : new ArrayBuffer(bytes, { maxByteLength: RESERVED_GROWTH * bytes });
  return new Float32Array(buffer, 0, length);
}

/** The same numbers in a buffer of another length; the array that was given becomes empty or must not be used again. */
export function resizeNumbers(numbers: Float32Array<ArrayBuffer>, length: number): Float32Array<ArrayBuffer> {
  const { buffer } = numbers;
  const bytes = length * Float32Array.BYTES_PER_ELEMENT;
  if (buffer.resizable && bytes > 0 && bytes <= buffer.maxByteLength) {
    buffer.resize(bytes);
    return new Float32Array(buffer, 0, length);
  }
  const moved = allocateNumbers(length);
  moved.set(numbers.subarray(0, Math.min(length, numbers.length)));
  buffer.transferToFixedLength(0);
  return moved;
}
