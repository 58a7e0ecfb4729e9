import { checkWord } from "../../numeric/nearest_name.ts";
import { keyRotation, type Rotary } from "../../numeric/rotary.ts";
import type { HeadRows } from "./head_rows.ts";

/**
 * The positions of rows after an eviction. `logical`: keys keep their rotation, and the next token has its position in
 * the text. `compact`: keys are rotated so that the gaps close, and the next token follows the longest head's last row.
 */
export type PositionMode = "logical" | "compact";

/**
 * Refuses what is no position mode.
 *
 * @throws {RangeError} that names the nearest and both
 */
export function checkPositions(mode: PositionMode | undefined): void {
  if (mode !== undefined) checkWord("positions", mode, ["logical", "compact"]);
}

/**
 * The position that each row's key is rotated to: for each head `[rows]`.
 *
 * @param next the rotary position of the next token
 */
export function rotaryPositions(heads: readonly HeadRows[], mode: PositionMode, next: number): Int32Array[] {
  return heads.map(({ positions, length }) =>
    mode === "logical" ? positions.slice(0, length) : Int32Array.from({ length }, (_, row) => next - length + row)
  );
}

/** Rows of the longest head: after an eviction at compact positions the rotary position of the next token. */
export function longestHead(heads: readonly HeadRows[]): number {
  return heads.reduce((most, { length }) => Math.max(most, length), 0);
}

/** The same heads with every key rotated from its old position to its new one: for each head `[rows]` of both. */
export function rotateKeys(
  heads: readonly HeadRows[],
  old: readonly Int32Array[],
  now: readonly Int32Array[],
  rotary: Rotary,
  kvHeadCount: number,
): HeadRows[] {
  const rotations = rotary.kinds.map(keyRotation);
  return heads.map((shared, index) => {
    if (now[index].every((position, row) => position === old[index][row])) return shared;
    const rotate = rotations[rotary.layers[Math.floor(index / kvHeadCount)]];
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
