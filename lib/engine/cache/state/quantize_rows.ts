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
