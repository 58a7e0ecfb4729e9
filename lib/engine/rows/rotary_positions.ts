import { keyRotation } from "../../numeric/rotary.ts";
import type { CacheShape } from "./cache_shape.ts";
import type { HeadRows } from "./head_rows.ts";

/**
 * The positions of rows after an eviction. `logical`: keys keep their rotation, and the next token has its position in
 * the text. `compact`: keys are rotated so that the gaps close, and the next token follows the longest head's last row.
 */
export type PositionMode = "logical" | "compact";

/** The position that each row's key is rotated to: for each head `[rows]`. */
export function rotaryPositions(heads: readonly HeadRows[], mode: PositionMode): Int32Array[] {
  const longest = heads.reduce((most, { length }) => Math.max(most, length), 0);
  return heads.map(({ positions, length }) =>
    mode === "logical" ? positions.slice(0, length) : Int32Array.from({ length }, (_, row) => longest - length + row)
  );
}

/** The same heads with every key rotated from its old position to its new one: for each head `[rows]` of both. */
export function rotateKeys(
  heads: readonly HeadRows[],
  old: readonly Int32Array[],
  now: readonly Int32Array[],
  shape: CacheShape,
): HeadRows[] {
  const rotate = keyRotation(shape);
  return heads.map((shared, index) => {
    if (now[index].every((position, row) => position === old[index][row])) return shared;
    const head = shared.own();
    const { headDim, quantized, quantizedCount } = head;
    // Quantized rows are never changed in place; where keys rotate, theirs are float32 (checkRotatable).
    const older = quantized?.keys.codes.slice() as Float32Array<ArrayBuffer> | undefined;
    now[index].forEach((position, row) => {
      const [keys, at] = row < quantizedCount ? [older!, row] : [head.keys, row - quantizedCount];
      rotate(keys.subarray(at * headDim, (at + 1) * headDim), position - old[index][row]);
    });
    if (quantized !== undefined) head.quantized = { ...quantized, keys: { ...quantized.keys, codes: older! } };
    return head;
  });
}
