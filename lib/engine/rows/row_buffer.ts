/**
 * Buffers of this many bytes and more are resizable. A resizable buffer has its own pages, which return to the system
 * at once when it shrinks, and growing moves nothing. Freed memory of ordinary buffers may stay with the process.
 */
const RESIZABLE_BYTES = 64 * 1024;

/** How many times its size a resizable buffer may grow before it moves: address space, not memory. */
const RESERVED_GROWTH = 4;

/** Allocates numbers for the vectors of rows, all 0: `[length]`. */
export function allocateNumbers(length: number): Float32Array<ArrayBuffer> {
  const bytes = length * Float32Array.BYTES_PER_ELEMENT;
  const buffer = bytes < RESIZABLE_BYTES
    ? new ArrayBuffer(bytes)
    : new ArrayBuffer(bytes, { maxByteLength: RESERVED_GROWTH * bytes });
  return new Float32Array(buffer, 0, length);
}

/** Gives the same numbers in a buffer of another length. The array passed in must not be used again. */
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
