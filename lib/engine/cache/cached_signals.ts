import { describeSignal } from "../../policies/check_signals.ts";
import type { Head, Layer, Signal } from "../../policies/policy.ts";
import { tokenNovelty } from "../../trace/trace_summary.ts";
import type { CacheShape } from "../rows/cache_shape.ts";
import type { HeadRows } from "../rows/head_rows.ts";
import {
  type AttentionRecording,
  OBSERVED_SIGNALS,
  type Recording,
  recordingOf,
  signalOf,
} from "../signals/signals.ts";
import type { QueryMoments } from "./state/query_moments.ts";

/** The records of a cache beside its rows. */
export interface CacheRecord {
  /** The attention that its rows record. */
  readonly recordings: readonly AttentionRecording[];
  /** Tokens read so far. */
  readonly tokenCount: number;
  /** Moments of the queries so far; undefined where they were not recorded. */
  readonly moments?: QueryMoments;
  /** Recordings that a rewind to an unmarked position lost. */
  readonly lost: ReadonlySet<Recording>;
}

/** The signals of a cache whose first head is `rows`. */
export function recordedSignals({ recordings, moments, lost }: CacheRecord, rows: HeadRows): Signal[] {
  return [
    ...["keys", "values", "novelty"] as const,
    ...recordings.filter((recording) => !lost.has(recording)).map(signalOf),
    ...(moments === undefined ? [] : ["queryMoments"] as const),
    ...OBSERVED_SIGNALS.filter((signal) => rows.observed.has(signal)),
  ];
}

/** All rows as policies see them: views that are valid until the rows change. */
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
    signal: (signal) => {
      if (signal === "keys") return fixedLength(rows.liveKeys());
      if (signal === "values") return fixedLength(rows.liveValues());
      if (signal === "novelty") {
        return Float32Array.from(positions, (position) => tokenNovelty(position, record.tokenCount));
      }
      if (signal === "queryMoments" && record.moments !== undefined) return record.moments.ofHead(layer, kvHead);
      const observed = OBSERVED_SIGNALS.find((known) => known === signal);
      const values = observed && rows.observed.get(observed);
      if (values !== undefined) return values;
      const recording = recordingOf(signal, record.recordings);
      if (recording === undefined || record.lost.has(record.recordings[recording])) {
        throw new TypeError(`Cannot read ${describeSignal(signal)} as it was not recorded`);
      }
      return rows.recordings[recording].subarray(0, rows.length);
    },
  };
}

/** Copies vectors out of a resizable buffer: loops over buffers of a fixed length are four times as fast. */
function fixedLength(vectors: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return vectors.buffer.resizable ? vectors.slice() : vectors;
}
