import { type CacheAccount, type RowsAndBytes, sumRows } from "./cache_account.ts";

/** What one layer holds in one dtype at one moment: a row of a table. */
export interface LayerAccount extends RowsAndBytes {
  /** Tokens read until then. */
  readonly tokens: number;
  /** The layer, from 0. */
  readonly layer: number;
  /** How its values are held. */
  readonly dtype: string;
  /** Rows of the kv head with the fewest. */
  readonly fewest_rows: number;
  /** Rows of the kv head with the most. */
  readonly most_rows: number;
  /** Rows of all that were ever read, in [0, 1]; 1 where nothing was. */
  readonly kept_ratio: number;
}

/**
 * Rows and bytes by layer and dtype over time: the accounts of one cache, each a moment, as rows of a table or chart.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cacheAccount, layerAccounts } from "kvmirror";
 *
 * const held = (...positions: number[]) => ({ positions, dtype: "f32", liveBytes: 8 * positions.length });
 * const [before, after] = layerAccounts([cacheAccount([[held(0, 1)]], 2), cacheAccount([[held(1)]], 2)]);
 * assertEquals([before.rows, after.rows, after.kept_ratio], [2, 1, 0.5]);
 * ```
 */
export function layerAccounts(accounts: readonly CacheAccount[]): LayerAccount[] {
  return accounts.flatMap(({ tokens, heads }) =>
    [...Map.groupBy(heads, ({ layer, dtype }) => `${layer} ${dtype}`).values()].map((own): LayerAccount => {
      const rows = own.map((head) => head.rows);
      const sums = sumRows(own);
      return {
        tokens,
        layer: own[0].layer,
        dtype: own[0].dtype,
        ...sums,
        fewest_rows: Math.min(...rows),
        most_rows: Math.max(...rows),
        kept_ratio: tokens === 0 ? 1 : sums.rows / (tokens * own.length),
      };
    })
  );
}
