import { type Displayable, type DisplayBundle, shownAs } from "../display/display.ts";
import { factsDisplay, grouped, inMebibytes, keptBars } from "../display/facts.ts";
import { tokenRetention } from "./token_retention.ts";

/** What one kv head holds. */
export interface HeldRows {
  /** Positions in the text of its rows, ascending. */
  readonly positions: ArrayLike<number>;
  /** How its rows are held, or those that left the newest: `f32`. */
  readonly dtype: string;
  /** Bytes of its rows, scales and all. */
  readonly liveBytes: number;
  /** Bytes of its buffers; default: those of its rows. */
  readonly allocatedBytes?: number;
}

/** Rows and bytes, by the names that JSON and tables give them. */
export interface RowsAndBytes {
  /** Rows that are held. */
  readonly rows: number;
  /** Bytes of those rows. */
  readonly live_bytes: number;
  /** Bytes of the buffers they lie in. */
  readonly allocated_bytes: number;
}

/** What one kv head of one layer holds. */
export interface HeadUsage extends RowsAndBytes {
  /** The layer, from 0. */
  readonly layer: number;
  /** The kv head in its layer, from 0. */
  readonly kv_head: number;
  /** How its values are held. */
  readonly dtype: string;
}

/** What a cache holds at one moment. */
export interface CacheUsage extends RowsAndBytes {
  /** Tokens read until then, evicted or not. */
  readonly tokens: number;
  /** Every kv head, layer by layer. */
  readonly heads: readonly HeadUsage[];
  /** Share of kv heads that hold each token, `[tokens]`. */
  readonly retention: Float64Array;
}

/**
 * The usage of a cache: rows and bytes of each layer, kv head and dtype, and which tokens survive.
 *
 * @param layers `[layer][kv head]`
 * @param tokens tokens read so far
 * @throws {RangeError} if there are no heads, or positions are not ascending, unique and below `tokens`
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { usageOfHeads } from "./cache_usage.ts";
 *
 * const held = (...positions: number[]) => ({ positions, dtype: "f32", liveBytes: 512 * positions.length });
 * const usage = usageOfHeads([[held(0, 1), held(0)]], 2);
 * assertEquals([usage.rows, usage.live_bytes], [3, 1536]);
 * assertEquals([...usage.retention], [1, 0.5]);
 * ```
 */
export function usageOfHeads(layers: readonly (readonly HeldRows[])[], tokens: number): CacheUsage & Displayable {
  const retention = tokenRetention(layers.map((layer) => layer.map(({ positions }) => positions)), tokens);
  const heads = layers.flatMap((layer, index) =>
    layer.map(({ positions, dtype, liveBytes, allocatedBytes = liveBytes }, head): HeadUsage => ({
      layer: index,
      kv_head: head,
      dtype,
      rows: positions.length,
      live_bytes: liveBytes,
      allocated_bytes: allocatedBytes,
    }))
  );
  const usage = { tokens, ...sumRows(heads), heads, retention };
  return shownAs(usage, () => usageDisplay(usage, layers.map((layer) => layer.length)));
}

/** @param headCounts kv heads of each layer */
function usageDisplay(usage: CacheUsage, headCounts: readonly number[]): DisplayBundle {
  const { tokens, rows, live_bytes, allocated_bytes, heads } = usage;
  const whole = headCounts.map((count) => count * tokens);
  const kept = whole.map((_, layer) => sumRows(heads.filter((head) => head.layer === layer)).rows);
  return factsDisplay({
    name: "CacheUsage",
    facts: [
      ["tokens", grouped(tokens)],
      ["rows", `${grouped(rows)} in ${grouped(heads.length)} kv heads`],
      ["bytes", `${inMebibytes(live_bytes)} live, ${inMebibytes(allocated_bytes)} allocated`],
      ["ratio", tokens === 0 ? "0, as nothing was read" : (1 - rows / (tokens * heads.length)).toFixed(3)],
    ],
    ...keptBars(kept, whole),
  });
}

/** The sums over some heads. */
function sumRows(heads: readonly RowsAndBytes[]): RowsAndBytes {
  const sum = (key: keyof RowsAndBytes) => heads.reduce((total, head) => total + head[key], 0);
  return { rows: sum("rows"), live_bytes: sum("live_bytes"), allocated_bytes: sum("allocated_bytes") };
}

/** What one layer holds in one dtype at one moment: a row of a table. */
export interface LayerUsage extends RowsAndBytes {
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
 * Rows and bytes by layer and dtype over time: the usages of one cache, each a moment, as rows of a table or chart.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { usageOfHeads, usageByLayer } from "./cache_usage.ts";
 *
 * const held = (...positions: number[]) => ({ positions, dtype: "f32", liveBytes: 8 * positions.length });
 * const [before, after] = usageByLayer([usageOfHeads([[held(0, 1)]], 2), usageOfHeads([[held(1)]], 2)]);
 * assertEquals([before.rows, after.rows, after.kept_ratio], [2, 1, 0.5]);
 * ```
 */
export function usageByLayer(usages: readonly CacheUsage[]): LayerUsage[] {
  return usages.flatMap(({ tokens, heads }) =>
    [...Map.groupBy(heads, ({ layer, dtype }) => `${layer} ${dtype}`).values()].map((own): LayerUsage => {
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
