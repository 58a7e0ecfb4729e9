import {
  agedRows,
  type CacheDtype,
  cacheDtypeName,
  checkCacheDtype,
  GROUP_ROWS,
  isFloat32,
} from "../../rows/cache_dtype.ts";
import type { HeadRows } from "../../rows/head_rows.ts";
import type { CacheState } from "./cache_state.ts";

/**
 * Sets the cache dtype of a cache's state and quantizes all rows but each head's newest, in place: see
 * {@linkcode KvCache.quantize}.
 *
 * @throws {RangeError} if rows are quantized to another dtype already; the state is unchanged then
 */
export function quantizeRows(state: CacheState, cacheDtype: CacheDtype): void {
  checkCacheDtype(cacheDtype);
  const quantized = state.heads.reduce((sum, { quantizedCount }) => sum + quantizedCount, 0);
  const [held, asked] = [cacheDtypeName(state.cacheDtype), cacheDtypeName(cacheDtype)];
  if (quantized > 0 && held !== asked) {
    throw new RangeError(
      `Cannot hold rows as ${asked} as ${quantized} are ${held} already: quantized rows stay so; fork the cache before`,
    );
  }
  checkRotatable(cacheDtype, state.positions);
  state.cacheDtype = cacheDtype;
  quantizeOlder(state, 1);
}

/** Quantizes rows that became older than the residual length, many at a time: each time moves all quantized rows. */
export function quantizeAged(state: CacheState): void {
  quantizeOlder(state, GROUP_ROWS);
}

/**
 * Checks that quantized keys never rotate: compact positions rotate keys at each eviction, and quantizing them again
 * each time would add up errors.
 *
 * @throws {RangeError} if keys are quantized and positions are compact
 */
export function checkRotatable(cacheDtype: CacheDtype, positions: CacheState["positions"]): void {
  if (positions === "logical" || cacheDtype.keys.dtype === "f32") return;
  const values = cacheDtypeName({ ...cacheDtype, keys: { dtype: "f32", granularity: "row" } });
  throw new RangeError(
    `Cannot hold keys as ${cacheDtype.keys.dtype} with positions "compact" as evictions rotate keys to new ` +
      `positions: hold rows as ${values === "f32" ? "f32/int8" : values}, or take positions "logical"`,
  );
}

function quantizeOlder(state: CacheState, least: number): void {
  const { cacheDtype } = state;
  if (isFloat32(cacheDtype)) return;
  state.heads = state.heads.map((shared): HeadRows => {
    const count = agedRows(shared.fullPrecisionCount, cacheDtype);
    if (count < least) return shared;
    const head = shared.own();
    head.quantize(count, cacheDtype);
    return head;
  });
}

/** Rows of each head that are looked at. */
const SAMPLE_ROWS = 64;
/** Rounding that moves a number by so much of its row's typical size leaves little of it. */
const COARSE = 0.5;

/**
 * Heads whose keys would be lost in int4 by row: where few numbers are far larger than the others, as in Qwen2.5, whose
 * keys have a bias, a row's 16 steps reach the few, and round the others to one or two.
 *
 * @returns the number of such heads; 0 in other dtypes
 */
export function coarseHeads({ heads }: CacheState, { keys: { dtype, granularity } }: CacheDtype): number {
  if (dtype !== "int4" || granularity !== "row") return 0;
  return heads.filter((head) => {
    const rows = Math.min(SAMPLE_ROWS, head.length);
    const keys = head.liveKeys();
    let coarse = 0;
    for (let row = 0; row < rows; row++) {
      const numbers = keys.subarray(row * head.headDim, (row + 1) * head.headDim);
      const step = (Math.max(...numbers) - Math.min(...numbers)) / 15;
      const typical = numbers.map(Math.abs).sort()[head.headDim >> 1];
      // The error of rounding to steps spreads evenly over one: its deviation is a step by the root of 12.
      if (step / Math.sqrt(12) > COARSE * typical) coarse++;
    }
    return coarse > rows / 2;
  }).length;
}
