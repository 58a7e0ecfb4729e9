/**
 * The `k` highest rows, by index, ascending: what a stable descending sort would put first. Equal scores are decided by
 * the higher `tieBreak`, then by the earlier row. Expected linear time whatever the order of the scores.
 *
 * @param scores `[rows]`
 * @param k rows to pick; all where there are fewer
 * @param tieBreak `[rows]`
 * @throws {TypeError} if `tieBreak` has another length than `scores`
 * @throws {RangeError} if `k` is no whole number of at least 0, or a score is NaN
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { topK } from "kvmirror";
 *
 * assertEquals(topK(Float64Array.of(1, 3, 2, 3), 3), Uint32Array.of(1, 2, 3));
 * assertEquals(topK(Float64Array.of(1, 1, 1), 1), Uint32Array.of(0));
 * assertEquals(topK(Float64Array.of(1, 1, 1), 1, Float64Array.of(0, 0, 5)), Uint32Array.of(2));
 * ```
 */
export function topK(
  scores: Float32Array | Float64Array,
  k: number,
  tieBreak?: Float32Array | Float64Array | Int32Array,
): Uint32Array<ArrayBuffer> {
  if (!Number.isSafeInteger(k) || k < 0) {
    throw new RangeError(`Cannot pick ${k} rows as it must be a whole number of at least 0`);
  }
  if (tieBreak !== undefined && tieBreak.length !== scores.length) {
    throw new TypeError(`Cannot break ties of ${scores.length} scores by ${tieBreak.length} values as each needs one`);
  }
  rejectNaN(scores, "score");
  if (tieBreak !== undefined && !(tieBreak instanceof Int32Array)) rejectNaN(tieBreak, "tie-break");
  const rows = scores.length;
  if (k === 0) return new Uint32Array(0);
  if (k >= rows) return Uint32Array.from({ length: rows }, (_, row) => row);

  const lowest = lowestOfHighest(scores, k);
  let higher = 0;
  let tied = 0;
  for (let row = 0; row < rows; row++) {
    if (scores[row] > lowest) higher++;
    else if (scores[row] === lowest) tied++;
  }
  const chosen = tieBreak && tied > k - higher ? breakTies(scores, lowest, tied, k - higher, tieBreak) : undefined;

  const kept = new Uint32Array(k);
  let count = 0;
  let tie = 0;
  let tiesKept = 0;
  for (let row = 0; row < rows; row++) {
    if (scores[row] > lowest) kept[count++] = row;
    else if (scores[row] === lowest && tiesKept < k - higher) {
      if (chosen === undefined || chosen[tiesKept] === tie) {
        kept[count++] = row;
        tiesKept++;
      }
      tie++;
    }
  }
  return kept;
}

/** From this many rows on, and for less than one in eight of them, most rows are ruled out before any is sorted. */
const MANY_ROWS = 8192;
const SAMPLE = 1024;

/**
 * The lowest of the `k` highest scores. Where few of many rows are wanted, a sample tells a score that more than `k`
 * surely pass, as in Floyd and Rivest's SELECT (1975, https://doi.org/10.1145/360680.360691); where it told wrongly, all
 * rows are searched.
 */
function lowestOfHighest(scores: Float32Array | Float64Array, k: number): number {
  const rows = scores.length;
  if (rows >= MANY_ROWS && 8 * k < rows) {
    const sample = Float64Array.from(
      { length: SAMPLE },
      (_, draw) => scores[Math.floor(((draw + 0.5) / SAMPLE) * rows)],
    );
    const expected = Math.ceil((SAMPLE * k) / rows);
    const least = select(sample, Math.max(0, SAMPLE - 2 * expected - 16));
    let count = 0;
    for (let row = 0; row < rows; row++) if (scores[row] >= least) count++;
    if (count >= k) {
      const candidates = new Float64Array(count);
      let next = 0;
      for (let row = 0; row < rows; row++) if (scores[row] >= least) candidates[next++] = scores[row];
      return select(candidates, count - k);
    }
  }
  return select(scores.slice(), rows - k);
}

/** Which of the rows at score `lowest` are kept, counted among those rows, ascending: `[places]`. */
function breakTies(
  scores: Float32Array | Float64Array,
  lowest: number,
  tied: number,
  places: number,
  tieBreak: Float32Array | Float64Array | Int32Array,
): Uint32Array {
  const values = new Float64Array(tied);
  let count = 0;
  for (let row = 0; row < scores.length; row++) if (scores[row] === lowest) values[count++] = tieBreak[row];
  return topK(values, places);
}

/**
 * The value that an ascending sort would put at `rank`; reorders `values`. Hoare's quickselect (1961): both scans stop
 * at values equal to the pivot, so equal values split evenly, and pivots are drawn, so no order of the input is slow.
 */
function select(values: Float32Array | Float64Array, rank: number): number {
  let left = 0;
  let right = values.length - 1;
  let draw = 1;
  while (left < right) {
    draw = (Math.imul(draw, 1664525) + 1013904223) >>> 0;
    const pivot = values[left + Math.floor((draw / 2 ** 32) * (right - left + 1))];
    let low = left;
    let high = right;
    while (low <= high) {
      while (values[low] < pivot) low++;
      while (values[high] > pivot) high--;
      if (low > high) break;
      const value = values[low];
      values[low++] = values[high];
      values[high--] = value;
    }
    if (rank <= high) right = high;
    else if (rank >= low) left = low;
    else break;
  }
  return values[rank];
}

function rejectNaN(values: Float32Array | Float64Array, name: string): void {
  for (let row = 0; row < values.length; row++) {
    if (Number.isNaN(values[row])) {
      throw new RangeError(`Cannot rank rows as the ${name} of row ${row} is NaN: rank numbers only`);
    }
  }
}
