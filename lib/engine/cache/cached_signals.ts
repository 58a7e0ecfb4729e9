import { describeNeed } from "../../policies/check_needs.ts";
import type { Head, Layer, Need } from "../../policies/policy.ts";
import { tokenNovelty } from "../../trace/trace_summary.ts";
import type { CacheShape } from "../rows/cache_shape.ts";
import type { HeadRows } from "../rows/head_rows.ts";
import { type AttentionTap, needOf, OBSERVED_NEEDS, type Tap, tapOf } from "../signals/signals.ts";
import type { QueryMoments } from "./state/query_moments.ts";

/** What a cache knows beside its rows. */
export interface CacheRecord {
  /** Attention that its rows record. */
  readonly taps: readonly AttentionTap[];
  /** Tokens read so far. */
  readonly tokenCount: number;
  /** Of the queries so far; undefined where they were not recorded. */
  readonly moments?: QueryMoments;
  /** What was recorded and is no longer known, as a rewind went where nothing had been marked. */
  readonly lost: ReadonlySet<Tap>;
}

/** The signals of a cache whose first head is `rows`. */
export function recordedNeeds({ taps, moments, lost }: CacheRecord, rows: HeadRows): Need[] {
  return [
    ...["keys", "values", "novelty"] as const,
    ...taps.filter((tap) => !lost.has(tap)).map(needOf),
    ...(moments === undefined ? [] : ["queryMoments"] as const),
    ...OBSERVED_NEEDS.filter((need) => rows.observed.has(need)),
  ];
}

/** All rows as policies see them; the views hold until the rows change. */
export function cachedLayers(heads: readonly HeadRows[], record: CacheRecord, shape: CacheShape): Layer[] {
  const { layerCount, kvHeadCount } = shape;
  return Array.from({ length: layerCount }, (_, index) => ({
    index,
    model: shape,
    heads: heads.slice(index * kvHeadCount, (index + 1) * kvHeadCount)
      .map((rows, kvHead) => cachedHead(rows, record, index, kvHead)),
  }));
}

function cachedHead(rows: HeadRows, record: CacheRecord, layer: number, kvHead: number): Head {
  const positions = rows.livePositions();
  return {
    positions,
    signal: (need) => {
      if (need === "keys") return settled(rows.liveKeys());
      if (need === "values") return settled(rows.liveValues());
      if (need === "novelty") {
        return Float32Array.from(positions, (position) => tokenNovelty(position, record.tokenCount));
      }
      if (need === "queryMoments" && record.moments !== undefined) return record.moments.ofHead(layer, kvHead);
      const observed = OBSERVED_NEEDS.find((known) => known === need);
      const values = observed && rows.observed.get(observed);
      if (values !== undefined) return values;
      const tap = tapOf(need, record.taps);
      if (tap === undefined || record.lost.has(record.taps[tap])) {
        throw new TypeError(`Cannot read ${describeNeed(need)} as it was not recorded`);
      }
      return rows.taps[tap].subarray(0, rows.length);
    },
  };
}

/** A copy where the buffer may grow: loops over buffers of a fixed length are four times as fast. */
function settled(vectors: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return vectors.buffer.resizable ? vectors.slice() : vectors;
}
