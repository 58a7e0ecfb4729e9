import { describeNeed } from "../policies/check_needs.ts";
import type { Head, Need } from "../policies/policy.ts";
import { tokenNovelty } from "../trace/token_novelty.ts";
import type { HeadRows } from "./head_rows.ts";
import { OBSERVED_NEEDS } from "./observed_need.ts";
import type { QueryMoments } from "./query_moments.ts";
import { type AttentionTap, needOf, tapOf } from "./signals.ts";

/** What a cache knows beside its rows. */
export interface CacheRecord {
  /** Attention that its rows record. */
  readonly taps: readonly AttentionTap[];
  /** Tokens read so far. */
  readonly tokenCount: number;
  /** Of the queries so far; undefined where they were not recorded. */
  readonly moments?: QueryMoments;
}

/** The signals of a cache whose first head is `rows`. */
export function recordedNeeds({ taps, moments }: CacheRecord, rows: HeadRows): Need[] {
  return [
    ...["keys", "values", "novelty"] as const,
    ...taps.map(needOf),
    ...(moments === undefined ? [] : ["queryMoments"] as const),
    ...OBSERVED_NEEDS.filter((need) => rows.observed.has(need)),
  ];
}

/** One head's rows as policies see them; the views hold until the rows change. */
export function cachedHead(rows: HeadRows, record: CacheRecord, layer: number, kvHead: number): Head {
  const positions = rows.positions.subarray(0, rows.length);
  return {
    positions,
    signal: (need) => {
      if (need === "keys") return rows.liveKeys();
      if (need === "values") return rows.liveValues();
      if (need === "novelty") {
        return Float32Array.from(positions, (position) => tokenNovelty(position, record.tokenCount));
      }
      if (need === "queryMoments" && record.moments !== undefined) return record.moments.ofHead(layer, kvHead);
      const observed = OBSERVED_NEEDS.find((known) => known === need);
      const values = observed && rows.observed.get(observed);
      if (values !== undefined) return values;
      const tap = tapOf(need, record.taps);
      if (tap === undefined) throw new TypeError(`Cannot read ${describeNeed(need)} as it was not recorded`);
      return rows.taps[tap].subarray(0, rows.length);
    },
  };
}
