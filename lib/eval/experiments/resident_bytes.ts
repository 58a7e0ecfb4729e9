import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let collect: (() => void) | undefined;

/**
 * Memory of this process that is resident now, in bytes, after garbage is collected: what is still held, not what was
 * not cleared away yet. It differs from run to run; a cache's `liveBytes` and `allocatedBytes` do not.
 *
 * @example
 * ```ts
 * import { residentBytes } from "kvmirror/eval";
 *
 * const before = residentBytes();
 * const rows = new Float32Array(1e7).fill(1);
 * console.log(residentBytes() - before, rows.byteLength);
 * ```
 */
export function residentBytes(): number {
  if (collect === undefined) {
    setFlagsFromString("--expose-gc");
    collect = runInNewContext("gc") as () => void;
  }
  collect();
  return Deno.memoryUsage().rss;
}
