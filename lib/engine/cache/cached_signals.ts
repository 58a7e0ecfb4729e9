import { keyRotation, layerFrequencies, type Rotary, type RotaryFrequencies } from "../../numeric/rotary.ts";
import { describeSignal } from "../../policies/check_signals.ts";
import type { Head, Layer, Signal } from "../../policies/policy.ts";
import { tokenNovelty } from "../../trace/trace_summary.ts";
import type { CacheShape } from "../rows/cache_shape.ts";
import type { HeadRows } from "../rows/head_rows.ts";
import { type PositionMode, rotaryPositions } from "../rows/rotary_positions.ts";
import { OBSERVED_SIGNALS, type Recording, recordingOf, type RowRecording, signalOf } from "../signals/signals.ts";
import type { QueryMoments } from "./state/query_moments.ts";

/** The signals that every cache has. */
export const ROW_SIGNALS = ["keys", "values", "unrotatedKeys", "novelty"] as const;

/** The records of a cache beside its rows. */
export interface CacheRecord {
  /** What its rows record. */
  readonly recordings: readonly RowRecording[];
  /** Tokens read so far. */
  readonly tokenCount: number;
  /** Moments of the queries so far; undefined where they were not recorded. */
  readonly moments?: QueryMoments;
  /** How its keys are rotated. */
  readonly positions: PositionMode;
  /** The rotary position of the next token. */
  readonly nextRotary: number;
  /** Recordings that a rewind to an unmarked position lost. */
  readonly lost: ReadonlySet<Recording>;
}

/** The signals of a cache whose first head is `rows`. */
export function recordedSignals({ recordings, moments, lost }: CacheRecord, rows: HeadRows): Signal[] {
  return [
    ...ROW_SIGNALS,
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
      .map((rows, kvHead) => cachedHead(rows, record, { layer: index, kvHead, rotary: shape.rotary })),
  }));
}

function cachedHead(
  rows: HeadRows,
  record: CacheRecord,
  { layer, kvHead, rotary }: { readonly layer: number; readonly kvHead: number; readonly rotary: Rotary },
): Head {
  const positions = rows.livePositions();
  return {
    positions,
    signal: (signal) => {
      if (signal === "keys") return fixedLength(rows.liveKeys());
      if (signal === "values") return fixedLength(rows.liveValues());
      if (signal === "unrotatedKeys") return unrotated(rows, record, layerFrequencies(rotary, layer));
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

/** A copy of the keys of a head, turned back from the positions that they are rotated to. */
function unrotated(
  rows: HeadRows,
  { positions, nextRotary }: CacheRecord,
  frequencies: RotaryFrequencies,
): Float32Array<ArrayBuffer> {
  const keys = rows.liveKeys().slice();
  const rotate = keyRotation(frequencies);
  const [rotated] = rotaryPositions([rows], positions, nextRotary);
  rotated.forEach((position, row) => rotate(keys.subarray(row * rows.headDim, (row + 1) * rows.headDim), -position));
  return keys;
}

/** Copies vectors out of a resizable buffer: loops over buffers of a fixed length are four times as fast. */
function fixedLength(vectors: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  return vectors.buffer.resizable ? vectors.slice() : vectors;
}
