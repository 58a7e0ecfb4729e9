/**
 * The share of `target` rows that were kept; 1 where the target is empty, as nothing of it was lost.
 *
 * @param target rows that should stay, ascending and unique
 * @param kept rows that stayed, ascending and unique
 * @throws {RangeError} if rows are not ascending
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { recall } from "kvmirror";
 *
 * assertEquals(recall(Uint32Array.of(0, 5, 7, 9), Uint32Array.of(0, 1, 7)), 0.5);
 * ```
 */
export function recall(target: Uint32Array, kept: Uint32Array): number {
  checkAscending(target, "target");
  checkAscending(kept, "kept");
  if (target.length === 0) return 1;
  let found = 0;
  let next = 0;
  for (const row of target) {
    while (next < kept.length && kept[next] < row) next++;
    if (next < kept.length && kept[next] === row) found++;
  }
  return found / target.length;
}

function checkAscending(rows: Uint32Array, name: string): void {
  for (let index = 1; index < rows.length; index++) {
    if (rows[index] <= rows[index - 1]) {
      throw new RangeError(
        `Cannot measure recall as ${name} row ${rows[index]} follows row ${rows[index - 1]}: rows must be ascending`,
      );
    }
  }
}
