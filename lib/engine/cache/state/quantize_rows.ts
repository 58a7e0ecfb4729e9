import { agedRows, type CacheDtype, cacheDtypeName, GROUP_ROWS, isFloat32 } from "../../rows/cache_dtype.ts";
import type { HeadRows } from "../../rows/head_rows.ts";
import type { CacheState } from "./cache_state.ts";

/**
 * Has a cache's state hold rows in a format from now on and rounds all rows but each head's newest, in place: see
 * {@linkcode KvCache.quantize}.
 *
 * @throws {RangeError} if rows are held in another format already; nothing has changed then
 */
export function quantizeRows(state: CacheState, cacheDtype: CacheDtype): void {
  const quantized = state.heads.reduce((sum, { quantizedCount }) => sum + quantizedCount, 0);
  const [held, wanted] = [cacheDtypeName(state.cacheDtype), cacheDtypeName(cacheDtype)];
  if (quantized > 0 && held !== wanted) {
    throw new RangeError(
      `Cannot hold rows as ${wanted} as ${quantized} are ${held} already: what is rounded stays so; fork the cache before`,
    );
  }
  checkRotatable(cacheDtype, state.positions);
  state.cacheDtype = cacheDtype;
  quantizeOlder(state, 1);
}

/** After rows came: rounds those that left the window, many at a time, as each time all packed rows are moved. */
export function quantizeAged(state: CacheState): void {
  quantizeOlder(state, GROUP_ROWS);
}

/**
 * Refuses rounded keys where evictions give rows new places: turned and rounded again each time they would wear away.
 *
 * @throws {RangeError} if keys are held in fewer bits and positions are compact
 */
export function checkRotatable(cacheDtype: CacheDtype, positions: CacheState["positions"]): void {
  if (positions === "logical" || cacheDtype.keys.dtype === "f32") return;
  const values = cacheDtypeName({ ...cacheDtype, keys: { dtype: "f32", granularity: "row" } });
  throw new RangeError(
    `Cannot hold keys as ${cacheDtype.keys.dtype} with positions "compact" as evictions turn keys to new places: ` +
      `hold rows as ${values === "f32" ? "f32/int8" : values}, or take positions "logical"`,
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
