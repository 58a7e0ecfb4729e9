import { agedRows, GROUP_ROWS, isFloatRows, type RowFormat, rowFormatName } from "../../rows/cache_dtype.ts";
import type { HeadRows } from "../../rows/head_rows.ts";
import type { CacheState } from "./cache_state.ts";

/**
 * Has a cache's state hold rows in a format from now on and rounds all rows but each head's newest, in place: see
 * {@linkcode KvCache.quantise}.
 *
 * @throws {RangeError} if rows are held in another format already; nothing has changed then
 */
export function quantiseRows(state: CacheState, format: RowFormat): void {
  const packed = state.heads.reduce((sum, { packedCount }) => sum + packedCount, 0);
  const [held, wanted] = [rowFormatName(state.rowFormat), rowFormatName(format)];
  if (packed > 0 && held !== wanted) {
    throw new RangeError(
      `Cannot hold rows as ${wanted} as ${packed} are ${held} already: what is rounded stays so; fork the cache before`,
    );
  }
  checkTurnable(format, state.positions);
  state.rowFormat = format;
  packOlder(state, 1);
}

/** After rows came: rounds those that left the window, many at a time, as each time all packed rows are moved. */
export function packAged(state: CacheState): void {
  packOlder(state, GROUP_ROWS);
}

/**
 * Refuses rounded keys where evictions give rows new places: turned and rounded again each time they would wear away.
 *
 * @throws {RangeError} if keys are held in fewer bits and positions are compact
 */
export function checkTurnable(format: RowFormat, positions: CacheState["positions"]): void {
  if (positions === "logical" || format.keys.dtype === "f32") return;
  const values = rowFormatName({ ...format, keys: { dtype: "f32", granularity: "row" } });
  throw new RangeError(
    `Cannot hold keys as ${format.keys.dtype} with positions "compact" as evictions turn keys to new places: ` +
      `hold rows as ${values === "f32" ? "f32/int8" : values}, or take positions "logical"`,
  );
}

function packOlder(state: CacheState, least: number): void {
  const { rowFormat } = state;
  if (isFloatRows(rowFormat)) return;
  state.heads = state.heads.map((shared): HeadRows => {
    const count = agedRows(shared.looseCount, rowFormat);
    if (count < least) return shared;
    const head = shared.own();
    head.pack(count, rowFormat);
    return head;
  });
}
