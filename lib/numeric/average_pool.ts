/**
 * The mean over `kernel` neighbors around each value; what lies beyond the ends counts as 0, as in PyTorch's
 * `avg_pool1d` with padding: `[n]` → `[n]`.
 *
 * @throws {RangeError} if the kernel is no odd whole number
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { averagePool } from "./average_pool.ts";
 *
 * assertEquals(averagePool(Float64Array.of(3, 3, 6), 3), Float64Array.of(2, 4, 3));
 * ```
 */
export function averagePool(values: Float32Array | Float64Array, kernel: number): Float64Array {
  if (!Number.isSafeInteger(kernel) || kernel < 1 || kernel % 2 === 0) {
    throw new RangeError(`Cannot pool over ${kernel} neighbors as it must be an odd whole number`);
  }
  const reach = (kernel - 1) / 2;
  return Float64Array.from({ length: values.length }, (_, index) => {
    let sum = 0;
    for (let near = Math.max(0, index - reach); near <= Math.min(values.length - 1, index + reach); near++) {
      sum += values[near];
    }
    return sum / kernel;
  });
}
