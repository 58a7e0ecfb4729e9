import type { Vector } from "../numeric/vectors.ts";
import type { Head, Signal } from "./policy.ts";

/**
 * Some rows of a head, in their order, as policies see them. Signals that have no row axis stay whole.
 *
 * @param rows indices into the head's rows, ascending
 */
export function someRows({ positions, signal }: Head, rows: Uint32Array): Head {
  const count = positions.length;
  return {
    positions: Int32Array.from(rows, (row) => positions[row]),
    signal: (wanted: Signal) => {
      const values = signal(wanted);
      return wanted === "queryMoments" || count === 0 ? values : pickRows(values, rows, values.length / count);
    },
  };
}

function pickRows(signal: Vector, rows: Uint32Array, width: number): Vector {
  const picked = signal instanceof Float32Array
    ? new Float32Array(rows.length * width)
    : new Float64Array(rows.length * width);
  rows.forEach((row, index) => picked.set(signal.subarray(row * width, (row + 1) * width), index * width));
  return picked;
}

/** The same head, which makes each signal once: for policies that look at some rows after the other. */
export function readOnce({ positions, signal }: Head): Head {
  const known = new Map<string, Vector>();
  return {
    positions,
    signal: (wanted) => {
      const key = JSON.stringify(wanted);
      const values = known.get(key) ?? signal(wanted);
      known.set(key, values);
      return values;
    },
  };
}
