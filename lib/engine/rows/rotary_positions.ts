import { keyRotation } from "../../numeric/rotary.ts";
import type { CacheShape } from "./cache_shape.ts";
import type { HeadRows } from "./head_rows.ts";

/**
 * Where rows stand after an eviction. `logical`: keys keep their rotation and the next token its place in the text.
 * `compact`: the gaps close, keys are rotated anew, and the next token follows the longest head's last row.
 */
export type PositionMode = "logical" | "compact";

/** The position that each row's key is rotated to, by head: `[rows]` each. */
export function rotaryPositions(heads: readonly HeadRows[], mode: PositionMode): Int32Array[] {
  const longest = heads.reduce((most, { length }) => Math.max(most, length), 0);
  return heads.map(({ positions, length }) =>
    mode === "logical" ? positions.slice(0, length) : Int32Array.from({ length }, (_, row) => longest - length + row)
  );
}

/** The same heads with every key rotated from where it stood to where it stands now. */
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
    // Packed rows are shared and never changed; their keys are float32 where they are turned.
    const older = quantized?.keys.codes.slice() as Float32Array<ArrayBuffer> | undefined;
    now[index].forEach((position, row) => {
      const [keys, place] = row < quantizedCount ? [older!, row] : [head.keys, row - quantizedCount];
      rotate(keys.subarray(place * headDim, (place + 1) * headDim), position - old[index][row]);
    });
    if (quantized !== undefined) head.quantized = { ...quantized, keys: { ...quantized.keys, codes: older! } };
    return head;
  });
}
